#compdef easel
# zsh completion for easel: source <(easel completion zsh), or as a file _easel in $fpath
_easel() {
    local -a found
    found=("${(@f)$(easel __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ ${found[1]} == :files ]]; then
        _files
    elif [[ -n ${found[1]} ]]; then
        _describe easel found
    fi
}
if [[ ${funcstack[1]} == _easel ]]; then
    _easel "$@"
else
    compdef _easel easel
fi
