# fish completion for easel: easel completion fish | source
function __easel_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l word (commandline -ct)
    set -l found (easel __complete fish $words "$word" 2>/dev/null)
    if test "$found[1]" = :files
        __fish_complete_path "$word"
    else if test -n "$found[1]"
        printf '%s\n' $found
    end
end
complete -c easel -f -a '(__easel_complete)'
