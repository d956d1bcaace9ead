"""What `physlaw --help` and `physlaw VERB --help` print."""

from __future__ import annotations

HELP = """\
physlaw: do video diffusion models learn physical laws, or copy the nearest training case?

usage: physlaw VERB [key=value ...]

  simulate    write clips to files: out=FOLDER|FILE [scenario= split= size= trials= count= format= ...]
  where       is a scene in or out of distribution, and of which test block: [scenario= size=] r=1.2 v=5 [--json]
  train       train one cell's model: [scenario= model= size= seed= profile= recipe= ...]; stack=K: all of a study's
  evaluate    score a trained cell (same words as train)
  run         train and evaluate one cell: the words of train, or number=K for the K-th of a study, from 0
  reproduce   run every cell of a study, or of study=all, here, collect, compare: [profile=smoke workers=N stack=K ...]
  launch      submit a study's unfinished cells: [study= profile= cluster=slurm|local|debug|... dry_run=true seeds=N]
  status      how the cells of a launched study do, and why some do not: [--json] (same words as launch)
  logs        a launched cell's log, or the last line of every one: [CELL] [follow=true] (same words as launch)
  cancel      end the jobs of some cells, or of all the study's: [CELL...] (same words as launch)
  prepare     train a cell's tokenizer and store its latents: [stage=tokenizer|latents] (same words as train)
  sweep_sampler  find how many denoising steps a trained cell needs: [steps=[5,10,...] seeds=3 clips=256] and its words
  publish     write finished cells' weights with a card each: [out=results/weights] and reproduce's words
  sample      draw a clip from published weights: FILE [scenario=] r=1.2 v=5 [seed=0 out=clip.gif]
  collect     gather finished cells into a results folder: [out=FOLDER mixed_code=true] and reproduce's words
  report      draw tables, figures and page again from a results folder: FOLDER
  agents      run reference agents through the studies, nothing is trained: [studies=[...] clips=256 workers=N]
  claims      the verdict on every claim at every scale, from metrics.csv alone: [results= out=] [--json]
  index       one page over all studies, results/index.html: [results=FOLDER]
  exam        any video model takes a study's exam: exam run model=package.module:generate out=FOLDER; exam export
              out=FOLDER; exam score ANSWERS; exam compare CARD.json...: [study= scenarios=[...] count= resolution= ...]
              data for other trainers: exam train out=FOLDER; exam leaks PATH
  score       measure the clips of a file or folder: PATH [scenario= resize=128 keep_last=true]
  floors      measure the evaluator's errors on true clips: [what=velocities|objects out=FOLDER clips=200]
  tokenizer   measure what a study's tokenizer costs (the paper's Table 3): [out=FOLDER] and reproduce's words
  label       people judge clips, blinded: label build [CLIPS.npz|VIDEOS] out=FOLDER; label score KEY.json FILE.json...
  weights     published weights of the metrics, and from where; weights convert KIND FILE... [sha256= out=FILE]
  bench       measure speeds on this machine: simulate | train | sample | collect | checkpoint; [out=FILE.json]
              gpu: all that is to be known of a GPU in 8 minutes: [out=FOLDER dry=true minutes= stages=[...]]

`physlaw VERB --help` lists the verb's keys. Text and paths are taken as they are, everything after the first "=";
booleans are true or false, lists [a,b], mappings {name: value}. A word that has no "=", begins with ./ or /, names an
existing file or stands after -- is a path. words=FILE stands for the words in a file, a JSON list. A cell is scenario
x model x size x seed, where model=agent_NAME is a reference agent; profile is the scale (smoke, mini, short, paper, or
agents) and recipe the method (faithful, fast). Exit status: 0 done, 2 bad input, 75 disk full, 130 interrupted (the
same command continues).
"""


CLAIMS_WRITES = """\
writes out/CLAIMS.md, out/RESULTS.md, out/results/claims.csv, out/results/front.gif, and what is marked in out/README.md
and out/ARTIFACT.md where they are
"""


def verb_help(verb: str) -> str:
    """A verb's keys with their defaults, and what else they may be."""
    from physlaw import verbs
    from physlaw.compose import describe_cell
    from physlaw.words import describe

    own = {
        "train": verbs.TrainVerbConfig,
        "run": verbs.RunConfig,
        "prepare": verbs.PrepareConfig,
        "collect": verbs.CollectConfig,
        "reproduce": verbs.ReproduceConfig,
        "agents": verbs.AgentsConfig,
    }
    if verb == "simulate":
        return _simulate_help()
    if verb == "where":
        return describe(verbs.WhereConfig) + _where_help()
    if verb == "score":
        from physlaw.evaluation.config import ScoreConfig

        return "physlaw score PATH\n" + describe(ScoreConfig)
    if verb == "sweep_sampler":
        from physlaw.evaluation.config import SweepConfig

        own[verb] = SweepConfig
    if verb == "floors":
        from physlaw.evaluation.floors import FloorsConfig

        return describe(FloorsConfig)
    if verb == "tokenizer":
        from physlaw.evaluation.config import AcceptanceConfig

        own[verb] = AcceptanceConfig
    if verb == "bench":
        from physlaw.bench.command import benchmark_help

        return benchmark_help()
    if verb in ("launch", "status", "logs", "cancel"):
        from physlaw.launch.config import LaunchConfig
        from physlaw.profiles import configs_folder

        sites = f"cluster=NAME of {configs_folder() / 'cluster'}/NAME.yaml\n"
        more = {"logs": f"physlaw logs [CELL]\n{describe(verbs.LogsConfig)}", "cancel": "physlaw cancel [CELL...]\n"}
        return more.get(verb, "") + sites + describe(LaunchConfig) + "\n" + describe_cell()
    if verb == "exam":
        from physlaw.exam.command import exam_help

        return exam_help()
    if verb == "label":
        from physlaw.label.command import LabelConfig

        return describe(LabelConfig) + "\nwithout a file, of the cells:\n" + describe_cell()
    if verb == "weights":
        return "physlaw weights\nphyslaw weights convert KIND FILE...\n" + describe(verbs.WeightsConfig)
    if verb == "publish":
        return describe(verbs.PublishConfig) + "\n" + describe_cell()
    if verb == "sample":
        return "physlaw sample FILE\n" + describe(verbs.SampleConfig) + _where_help()
    if verb == "report":
        return "physlaw report FOLDER\n"
    if verb == "claims":
        return describe(verbs.ClaimsConfig) + CLAIMS_WRITES
    if verb == "index":
        return describe(verbs.IndexConfig) + "writes results/index.html\n"
    return (describe(own[verb]) + "\n" if verb in own else "") + describe_cell()


def _simulate_help() -> str:
    """The keys of everything that is simulated, each once; of a scenario's own under its name."""
    from physlaw.studies import registry
    from physlaw.words import describe

    known: dict[type, str] = {}
    for name in registry.scenario_names():
        for one in reversed(registry.world(name).simulations):
            title = f"scenario={name}{f' {one.key}=FILE.npz' if one.key else ''}:\n" if known else ""
            known.setdefault(one.config, f"{title}{describe(one.config)}{one.notes}")
    return "\n".join(known.values())


def _where_help() -> str:
    """The initial values of every scenario that has ranges of them."""
    from physlaw.studies import registry

    lines: dict[tuple[str, ...], list[str]] = {}
    for name, scenario in registry.scenarios().items():
        lines.setdefault(scenario.factors, []).append(name)
    return "".join(f"{'= '.join(factors)}= of scenario={'|'.join(names)}\n" for factors, names in lines.items())
