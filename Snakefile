# ProxyKD: from an image classifier to a smaller one, without its training data.
# The table of contents: read the configuration, make the plan, include a rule for each stage.
import sys

from snakemake.utils import min_version

min_version("9.20")
sys.path.insert(0, f"{workflow.basedir}/scripts")

from proxykd.casualties import Casualties
from proxykd.rules import Rules
from proxykd.store import root

# A run file is complete by itself: Snakemake would otherwise merge it into the default one.
if not workflow.configfiles:

    configfile: "config.yaml"


STORE = root()
RULES = Rules.read(config)
RESULTS = RULES.results
RULES.announce_cost(workflow)
CASUALTIES = Casualties.watch(RULES.plan, workflow)


wildcard_constraints:
    key="[0-9a-f]{16}",


report: "workflow/report/workflow.rst"


onstart:
    RULES.forget_backups()


onerror:
    CASUALTIES.report()


include: "workflow/rules/import_images.smk"
include: "workflow/rules/train_teacher.smk"
include: "workflow/rules/import_teacher.smk"
include: "workflow/rules/render_proxies.smk"
include: "workflow/rules/check_teacher.smk"
include: "workflow/rules/score_proxies.smk"
include: "workflow/rules/assess_proxies.smk"
include: "workflow/rules/select_proxies.smk"
include: "workflow/rules/attack_boundary.smk"
include: "workflow/rules/distill_student.smk"
include: "workflow/rules/evaluate_student.smk"
include: "workflow/rules/show_teacher.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/rank_proxies.smk"


localrules:
    all,
    assess,
    check,
    report,
    rank_proxies,


rule all:
    default_target: True
    input:
        f"{RESULTS}/report.html",
        f"{RESULTS}/summary.json",
        f"{RESULTS}/teacher.html" if RULES.checks() else [],
        f"{RESULTS}/proxies.html",
        f"{RESULTS}/proxies.json",
        RULES.stamps(),


rule assess:
    input:
        f"{RESULTS}/proxies.html",
        f"{RESULTS}/proxies.json",
        RULES.assessed_stamps(),
