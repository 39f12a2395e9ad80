rule score_proxies:
    input:
        ancient(RULES.upstream("score_proxies")),
    output:
        f"{STORE}/score_proxies/{{key}}.done",
    log:
        "logs/score_proxies/{key}.log",
    benchmark:
        "logs/score_proxies/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 2
    resources:
        mem_mb=RULES.images_mb("score_proxies", copies=3, base=6000),
        runtime=120,
        gpu=1,
    params:
        settings=RULES.settings("score_proxies"),
        upstream=RULES.arguments("score_proxies"),
    message:
        "Score proxies {wildcards.key}"
    shell:
        "python scripts/score_proxies.py --key {wildcards.key} --settings {params.settings:q}"
        " {params.upstream} --out {output:q} --log {log:q}"
