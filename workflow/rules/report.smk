rule report:
    input:
        ancient(RULES.evaluations()),
    output:
        report(
            f"{RESULTS}/report.html",
            caption="../report/report.rst",
            category="ProxyKD",
            labels={"what": "the report"},
        ),
        report(
            f"{RESULTS}/summary.json",
            caption="../report/summary.rst",
            category="ProxyKD",
            labels={"what": "all figures"},
        ),
    log:
        "logs/report.log",
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
        "python scripts/report.py --settings {params.configuration:q} --out {params.folder:q} --log {log:q}"
