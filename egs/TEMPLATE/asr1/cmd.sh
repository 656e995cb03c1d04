# shellcheck shell=bash
# Which program runs the jobs: sets train_cmd (CPU jobs), cuda_cmd (training) and decode_cmd.
#   ./run.sh                       on this machine
#   cmd_backend=slurm ./run.sh     on a cluster; options of your site: conf/slurm.conf (or conf/queue.conf)
# A recipe that needs other commands sets them in conf/cmd.sh, which is read last.

cmd_backend=${cmd_backend:-local}

case "${cmd_backend}" in
    local)
        export train_cmd="run.pl"
        export cuda_cmd="run.pl"
        export decode_cmd="run.pl"
        ;;
    slurm)
        export train_cmd="slurm.pl"
        export cuda_cmd="slurm.pl"
        export decode_cmd="slurm.pl"
        ;;
    sge)
        export train_cmd="queue.pl"
        export cuda_cmd="queue.pl"
        export decode_cmd="queue.pl"
        ;;
    *)
        echo "cmd.sh: unknown cmd_backend '${cmd_backend}': choose local, slurm or sge" >&2
        # shellcheck disable=SC2317  # reached when this file is executed, not sourced
        return 1 2>/dev/null || exit 1
        ;;
esac

if [ -f conf/cmd.sh ]; then
    # shellcheck source=/dev/null
    . conf/cmd.sh
fi
