#compdef vbmcctl
# zsh completion for vbmcctl: candidates come from the program, which asks vbmcd for live names.

_vbmcctl() {
    local -a candidates
    local line directive=0 text help
    while IFS= read -r line; do
        if [[ $line == :<-> ]]; then
            directive=${line#:}
        else
            text=${line%%$'\t'*}
            help=''
            [[ $line == *$'\t'* ]] && help=${line#*$'\t'}
            candidates+=("${text//:/\\:}:${help}")
        fi
    done < <("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)

    if ((${#candidates})); then
        _describe -t vbmcctl 'vbmcctl' candidates
    elif ((directive == 0)); then
        _files
    fi
}

if [[ ${funcstack[1]} == _vbmcctl ]]; then
    _vbmcctl "$@"
else
    compdef _vbmcctl vbmcctl
fi
