# bash completion for kavi. It asks the kavi that is being typed, so it is never out of date.

# bash breaks words at ':' and '='. This puts together again what stands together, up to the cursor.
_kavi_words() {
    local line=${COMP_LINE:0:COMP_POINT} i word apart
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        apart=yes
        [[ $i -gt 0 && $line != [[:space:]]* && -n $line ]] && apart=
        line=${line#"${line%%[![:space:]]*}"}
        word=${COMP_WORDS[i]}
        ((i == COMP_CWORD)) && word=$line
        if [[ $apart ]]; then words+=("$word"); else words[-1]+=$word; fi
        line=${line#"$word"}
    done
}

_kavi() {
    local words current answer bits line broken
    _kavi_words
    current=${words[-1]}
    answer=$("${words[0]/#\~/$HOME}" __complete -- "${words[@]:1}" 2>/dev/null) || return
    bits=${answer##*:}
    [[ $bits =~ ^[0-9]+$ ]] || return

    # What bash took for words of their own is not to be typed again.
    broken=
    [[ $COMP_WORDBREAKS == *:* && $current == *:* ]] && broken=${current%"${current##*:}"}
    [[ $COMP_WORDBREAKS == *=* && $current == *=* && -z $broken ]] && broken=${current%"${current##*=}"}

    COMPREPLY=()
    while IFS= read -r line; do
        line=${line%%$'\t'*}
        [[ -z $line || $line == :* ]] || COMPREPLY+=("$(printf '%q' "${line#"$broken"}")")
    done <<<"$answer"

    if ((bits & 8)); then
        compopt -o dirnames 2>/dev/null
    elif ! ((bits & 4)); then
        compopt -o default 2>/dev/null
    fi
    if ((bits & 2)) && [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
    return 0
}

complete -F _kavi kavi
