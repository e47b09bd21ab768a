# bash completion for vbmcctl: candidates come from the program, which asks vbmcd for live names.

_vbmcctl() {
    local words=() line candidate directive=0 current=${COMP_WORDS[COMP_CWORD]}
    local -a found=()
    # bash splits at '=' and ':': put such words together again.
    local i word=''
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((${#words[@]})) && { [[ $word == [=:]* ]] || [[ ${words[-1]} == *[=:] ]]; }; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
    done
    while IFS= read -r line; do
        if [[ $line == :[0-9]* ]]; then
            directive=${line#:}
        else
            candidate=${line%%$'\t'*}
            found+=("$candidate")
        fi
    done < <("${COMP_WORDS[0]}" __complete -- "${words[@]}" 2>/dev/null)

    local full=${words[-1]} prefix=''
    [[ $full == *[=:]* && $full == *"$current" ]] && prefix=${full%"$current"}
    [[ $current == [=:] ]] && prefix=$full current=''
    COMPREPLY=()
    for candidate in "${found[@]}"; do
        COMPREPLY+=("${candidate#"$prefix"}")
    done
    if ((directive == 0 && ${#COMPREPLY[@]} == 0)); then
        compopt -o default 2>/dev/null
    fi
}

complete -F _vbmcctl vbmcctl
