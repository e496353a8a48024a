# shellcheck shell=bash
#
# Scripted terminals (tests/lib/terminal.py) for commands that tests call with words of their own in front.

# script_terminal PREFIX STEP… -- ARG…: the words of the array PREFIX and the arguments, at a terminal.
script_terminal() {
	local -n script_prefix=$1
	local steps=()
	shift
	while [ "$1" != -- ]; do
		steps+=("$1")
		shift
	done
	shift
	python3 "$TOP/tests/lib/terminal.py" "${steps[@]}" -- "${script_prefix[@]}" "$@" </dev/null 3>&-
}
