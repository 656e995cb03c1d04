#!/usr/bin/env bash
# Sourced by asr.sh: locks on the folders of a stage, the log of a job on the terminal, and whether a training goes on.
# shellcheck disable=SC2154  # variables of asr.sh

JSTASR_RUN=$(hostname).$$.$(date +%s) # its jobs share what it holds; asr.sh puts it into their command, as a queue may not pass the environment on
export JSTASR_RUN

# hold FOLDER...: keeps other runs off folders until `release`, or until this script ends, however it ends: the holder
# then reads the end of its input.
hold() {
    coproc LOCK { exec jstasr lock "$@" --pid $$ --command "${0##*/} in $(pwd)"; }
    if ! read -r _ <&"${LOCK[0]:-999}" 2>/dev/null; then
        die "the folders of this stage cannot be held: see above"
    fi
}

# below FOLDER NAME...: the array folders, FOLDER/NAME of each. (In ${names[@]/#/x}, bash 5.2 replaces each & of x.)
below() {
    local name parent=$1
    shift
    folders=()
    for name in "$@"; do folders+=("${parent}/${name}"); done
}

# release: gives up what `hold` took, if anything.
release() {
    local holder=${LOCK_PID:-}
    [ -n "${holder}" ] || return 0
    eval "exec ${LOCK[1]}>&-"
    wait "${holder}" || true
}

lost=0
# goes_on: is a training that has ended too early to be submitted again? On one machine torchrun does what this does for
# several: a process that died is no reason to stop; a job that never ran is.
goes_on() {
    [ "${cmd_backend}" != local ] || return 1
    if [ -e "${asr_exp}/requeue" ]; then
        log "Training was stopped by a signal, at its time limit perhaps, and saved a checkpoint: it continues" 1
        return
    fi
    [ "${num_nodes}" -gt 1 ] && [ "${lost}" -lt 3 ] && grep -qs '^# Running on' "${asr_exp}/logdir/train.log" || return 1
    lost=$((lost + 1))
    log "Training has lost a process or a node, and continues from its checkpoint: restart ${lost} of 3" 1
}

# show_log FILE: shows what a job adds to its log, until hide_log.
show_log() {
    touch "$1"
    tail -n 0 -F "$1" 2>/dev/null &
    tail_pid=$!
}
hide_log() {
    sleep 0.2 # the last lines
    kill "${tail_pid}" 2>/dev/null || true
    wait "${tail_pid}" 2>/dev/null || true
    tail_pid=
}
