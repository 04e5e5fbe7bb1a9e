"""The names of files that runs and sweeps leave on disk; each room writes and reads under these alone."""

# of a run, in its directory
RESULT = "result.json"
MODEL = "model"
MODEL_HEADER, MODEL_TENSORS = "model.json", "model.safetensors"  # in `MODEL`
CHECKPOINTS = "checkpoints"
LAST = f"{CHECKPOINTS}/last.ckpt"
BEST = f"{CHECKPOINTS}/best.ckpt"
TRAJECTORY = "weights.safetensors"
EVENTS = "events.out.tfevents."
LOCK = ".lock"  # of a sweep, too
EXPORT = "export"
# what Hydra writes before a run itself starts
HYDRA = ".hydra"
CONFIG, SETTINGS, OVERRIDES = f"{HYDRA}/config.yaml", f"{HYDRA}/hydra.yaml", f"{HYDRA}/overrides.yaml"
LOG = "train.log"
# of a sweep, in its folder
MULTIRUN = "multirun.yaml"
LEADERBOARD, LEADERBOARD_PAGE = "leaderboard.csv", "leaderboard.md"
CHOICE = "choice.json"
STACKS = "stacks"  # a folder for each stack, of what belongs to it as a whole
STACK_CHECKPOINTS = ".stacks"
# of a run that was alone, in its directory; of a stack in its folder, in parts as long as others of its runs go on
CURVES, CURVE_PARTS, CURVE_PART = "curves.safetensors", "curves.*.safetensors", "curves.{:06d}.safetensors"
# of either
REPORT, LANDSCAPE = "report", "landscape"
