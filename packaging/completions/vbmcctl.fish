# fish completion for vbmcctl: candidates come from the program, which asks vbmcd for live names.

function __vbmcctl_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l program $words[1]
    set -e words[1]
    set -l directive 0
    set -l found 0
    for line in ($program __complete -- $words 2>/dev/null)
        if string match -qr '^:[0-9]+$' -- $line
            set directive (string sub -s 2 -- $line)
        else
            set found 1
            echo $line
        end
    end
    if test $directive -eq 0 -a $found -eq 0
        __fish_complete_path (commandline -ct)
    end
end

complete -c vbmcctl -f -a '(__vbmcctl_complete)'
