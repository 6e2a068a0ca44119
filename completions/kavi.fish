# fish completion for kavi. It asks the kavi that is being typed, so it is never out of date.

function __kavi_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set -l program (string replace -r '^~' $HOME -- $before[1])
    set -l answer ($program __complete -- $before[2..-1] $current 2>/dev/null)
    set -l bits (string sub -s 2 -- $answer[-1])
    string match -qr '^[0-9]+$' -- $bits; or return

    for line in $answer
        string match -q ':*' -- $line; or echo $line
    end
    if test (math "floor($bits / 8) % 2") -eq 1
        __fish_complete_directories $current
    else if test (math "floor($bits / 4) % 2") -eq 0
        __fish_complete_path $current
    end
end

complete -c kavi -f -a '(__kavi_complete)'
