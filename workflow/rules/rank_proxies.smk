rule rank_proxies:
    input:
        ancient(RULES.assessments()),
    output:
        report(
            f"{RESULTS}/proxies.html",
            caption="../report/proxies.rst",
            category="ProxyKD",
            labels={"what": "which proxies, and why"},
        ),
        f"{RESULTS}/proxies.json",
    log:
        "logs/rank_proxies.log",
    conda:
        "../../envs/proxykd.yaml"
    resources:
        mem_mb=2000,
        runtime=RULES.minutes(20),
    params:
        configuration=RULES.configuration(),
        shown=RULES.shown_of_proxies(),
        folder=subpath(output[0], parent=True),
    message:
        "Write {output}"
    shell:
        "python scripts/rank_proxies.py --settings {params.configuration:q} --out {params.folder:q} --log {log:q}"
