# Stacks: what kavi placed for them, and the files of the release before, kept for the way back.


@facts("stacks")
def stack_facts(parameters):
    """{"stacks": {name: {"directory", "secrets"}}} → {name: {"files": {path: {"sha256", "mode"}}, "secrets": {…}}}: of
    the files that kavi's record names, so that a folder of data beside them costs nothing."""
    found = {}
    for name, places in parameters.get("stacks", {}).items():
        record = read_json("%s/stacks/%s.json" % (STATE, name)) or {}
        secrets = sorted(os.listdir(places["secrets"])) if os.path.isdir(places["secrets"]) else []
        found[name] = {"files": digests_of(places["directory"], record.get("files", [])),
                       "secrets": digests_of(places["secrets"], secrets)}
    return found


def digests_of(folder, paths):
    entries = {}
    for path in paths:
        try:
            full = inside(folder, path)
            seen = os.lstat(full)
            if stat.S_ISREG(seen.st_mode):
                entries[path] = {"sha256": sha256_file(full), "mode": "%04o" % stat.S_IMODE(seen.st_mode)}
        except (OSError, Failure):
            pass
    return entries


@operation("stack/put", changes=True)
def stack_put(parameters, frames):
    """{"stack", "directory", "secrets_folder", "files": [{"path", "mode", "frame"}], "secrets": [the same],
    "remove": [paths that aren't wanted any more], "all_secrets": bool, "keep_as": a release or "", "kept": [paths to
    keep], "keep": [releases that are still needed]} → {"written": […]}. Before anything changes, what lies there is
    copied to previous/<stack>/<release>: once, so that a second try doesn't keep a half-new state."""
    directory, secrets = parameters["directory"], parameters["secrets_folder"]
    if parameters.get("keep_as"):
        keep_release(parameters, directory, secrets)
    forget_releases(parameters)
    os.makedirs(os.path.dirname(secrets), mode=0o700, exist_ok=True)
    done = put_files({"folder": secrets, "folder_mode": "0700", "files": parameters["secrets"],
                      "remove_others": parameters["all_secrets"]}, frames)["written"]
    done += put_files({"folder": directory, "files": parameters["files"]}, frames)["written"]
    for path in parameters.get("remove", []):
        full = inside(directory, path)
        if os.path.lexists(full):
            os.unlink(full)
    return {"written": done}


def kept_folder(stack, release=""):
    return inside(STATE, "previous/%s/%s" % (stack, release or "."))


def keep_release(parameters, directory, secrets):
    target = kept_folder(parameters["stack"], parameters["keep_as"])
    if os.path.isdir(target):
        return
    os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
    temporary = tempfile.mkdtemp(prefix=".kavi-", dir=os.path.dirname(target))
    try:
        for path in parameters.get("kept", []):
            copy_file(inside(directory, path), inside(temporary, "files/" + path))
        os.mkdir(inside(temporary, "secrets"), 0o700)
        for name in os.listdir(secrets) if os.path.isdir(secrets) else []:
            copy_file(inside(secrets, name), inside(temporary, "secrets/" + name))
        os.rename(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def copy_file(source, target):
    if os.path.isfile(source):
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        shutil.copy2(source, target)


def forget_releases(parameters):
    folder = kept_folder(parameters["stack"])
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        if name not in parameters.get("keep", []):
            shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
