# Before anything is spent on an imported teacher: snakemake --cores all check
if RULES.checks():

    rule show_teacher:
        input:
            ancient(RULES.checks()),
        output:
            report(
                f"{RESULTS}/teacher.html",
                caption="../report/teacher.rst",
                category="ProxyKD",
                labels={"what": "the imported teacher"},
            ),
        log:
            "logs/show_teacher.log",
        localrule: True
        conda:
            "../../envs/proxykd.yaml"
        resources:
            mem_mb=2000,
            runtime=20,
        params:
            configuration=RULES.configuration(),
            shown=RULES.shown(),
            folder=subpath(output[0], parent=True),
        message:
            "Write {output}"
        shell:
            "python scripts/show_teacher.py --settings {params.configuration:q} --out {params.folder:q} --log {log:q}"

    rule check:
        input:
            rules.show_teacher.output,

else:

    rule check:
        input:
            RULES.nothing_to_check,
