# Sourced by the scripts beside it: run_physlaw VERB [key=value ...] runs it in the image on this job's resources, and on
# SLURM's signal lets it save and puts the job back into the queue.
#
#   PHYSLAW      a program, or a command; by default the image PHYSLAW_SIF (physlaw.sif in the folder that you submit from)
#   PHYSLAW_RUN  further options of apptainer, e.g. "--bind /scratch"
#
# In a command and in options \ stands before a space that splits no words.

if [ -f "${PHYSLAW:-}" ] && [ -x "$PHYSLAW" ]; then
  physlaw=("$PHYSLAW")
elif [ -n "${PHYSLAW:-}" ]; then
  read -a physlaw <<< "$PHYSLAW"
else
  case $PWD in *[,:]*)
    echo "physlaw: error: apptainer --bind takes no comma and no colon in a path, submitted from $PWD" >&2
    exit 2 ;;
  esac
  read -a options <<< "${PHYSLAW_RUN:-}"
  physlaw=(apptainer run --nv --bind "$PWD" "${options[@]}" "${PHYSLAW_SIF:-physlaw.sif}")
fi
export PHYSLAW_PLAIN_PROGRESS=1
export PHYSLAW_EXPECT_GPUS=${PHYSLAW_EXPECT_GPUS:-${SLURM_GPUS_ON_NODE:-0}}
# Newer SLURMs do not hand a job's cores on to its steps.
export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}

run_physlaw() {
  local job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID} warned= status child
  job=${job:-$SLURM_JOB_ID}
  srun --kill-on-bad-exit=1 "${physlaw[@]}" "$@" &
  child=$!
  # The warning comes to this script alone. It reaches every process of the step as URG, which ends none of them; USR2
  # would end the one that serves the image's files before the cell has saved.
  trap 'warned=1; scancel --signal=URG "$job"' USR2 USR1 HUP
  wait $child; status=$?
  while kill -0 $child 2>/dev/null; do wait $child; status=$?; done # a signal ends wait, not the child
  if [ -n "$warned" ] && [ $status != 0 ] && [ $status != 75 ]; then # 75: the disk is full, waiting does not help
    echo "--- saved; job $job goes back to the queue"
    scontrol requeue "$job"
    sleep 60 # SLURM ends this script
  fi
  return $status
}
