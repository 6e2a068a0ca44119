#include "restore_here.hpp"

#include "render/progress.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/ops/agent/files_restore_folder.hpp>
#include <kavi/ops/agent/unpack.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

namespace kavi::app {

namespace fs = std::filesystem;

namespace {

/// "databases.infisical.pgdump" of "20261125T060000Z-4f2a/databases.infisical.pgdump.zst.age".
std::string plain_name(const ops::Artefact& artefact) {
    auto name = fs::path(artefact.file).filename().string();
    for (const std::string_view end : {".age", ".zst"})
        if (name.ends_with(end)) name.resize(name.size() - end.size());
    return name;
}

void make_empty(const fs::path& folder) {
    std::error_code problem;
    if (fs::exists(folder) && !fs::is_empty(folder, problem))
        throw Error(errors::file_unwritable, fmt::format("{} isn't empty", folder.string()))
            .fix("take another folder");
    fs::create_directories(folder, problem);
    if (problem)
        throw Error(errors::file_unwritable, fmt::format("{} can't be made", folder.string()))
            .because(problem.message());
    fs::permissions(folder, fs::perms::owner_all, problem);
}

class Here {
  public:
    Here(const ops::RestoreStep& step, const RestoreHere& here, store::Store& store)
        : step_(step), here_(here), store_(store) {}

    fs::path restore() {
        const auto& artefact = step_.part.artefact;
        const auto path = fmt::format("{}/{}", ops::backup_folder(here_.estate, step_.owner), artefact.file);
        auto key = ops::unwrap_artefact(store_, path, here_.access.identities());
        const ops::SealedArtefact sealed{
            .artefact = artefact, .header_size = key.header_size, .file_key = std::move(key.file_key)};
        const auto fetch = [&](const seal::WriteBytes& take) {
            ops::unpack(store_, path, sealed, take, {}, here_.session.stop);
        };
        return artefact.kind == "files" ? unpack_files(fetch) : write_plain(fetch);
    }

  private:
    template <typename Fetch>
    fs::path write_plain(Fetch fetch) const {
        const auto target = here_.folder / plain_name(step_.part.artefact);
        const fs::path part = target.string() + ".part";
        FileDescriptor file(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (!file)
            throw Error(errors::file_unwritable, part.string() + " can't be made")
                .because(std::strerror(errno));
        fetch([&](std::string_view bytes) { ops::write_all(file.get(), bytes, part); });
        fs::rename(part, target);
        return target;
    }

    template <typename Fetch>
    fs::path unpack_files(Fetch fetch) const {
        const auto target = here_.folder / step_.part.artefact.item;
        const fs::path part = target.string() + ".part";
        fs::create_directory(part);
        std::vector<std::string> paths;
        if (const auto& wanted = member_or_null(step_.part.target, "paths"); wanted.is_array())
            paths = wanted.get<std::vector<std::string>>();
        ops::Untar tar(part, paths, here_.session.stop);
        fetch([&](std::string_view bytes) { tar.write(bytes); });
        tar.finish();
        fs::rename(part, target);
        return target;
    }

    const ops::RestoreStep& step_;
    const RestoreHere& here_;
    store::Store& store_;
};

}  // namespace

void restore_here(const ops::RestoreRequest& request, const RestoreHere& here, Result& result) {
    const auto actions = ops::plan_restore(request);
    make_empty(here.folder);
    const auto progress = make_progress(here.session.output, here.session.clock);
    for (const auto& action : actions) {
        const auto& step = dynamic_cast<const ops::RestoreStep&>(*action.payload);
        const auto began = here.session.clock.steady();
        progress->started(action);
        const auto file = Here(step, here, here.backups.store(step.store)).restore();
        progress->finished(
            action,
            std::chrono::duration_cast<std::chrono::milliseconds>(here.session.clock.steady() - began),
            false);
        result.text += fmt::format(
            "{} · {}, {}\n", file.string(), step.run, ops::size_text(step.part.artefact.plain_bytes));
        result.data["files"].push_back(
            {{"path", file.string()}, {"run", step.run}, {"bytes", step.part.artefact.plain_bytes}});
    }
}

}  // namespace kavi::app
