rule select_proxies:
    input:
        ancient(RULES.upstream("select_proxies")),
    output:
        f"{STORE}/select_proxies/{{key}}.done",
    log:
        "logs/select_proxies/{key}.log",
    benchmark:
        "logs/select_proxies/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 1
    resources:
        mem_mb=RULES.images_mb("select_proxies", copies=4, base=1000),
        runtime=60,
    params:
        settings=RULES.settings("select_proxies"),
        upstream=RULES.arguments("select_proxies"),
    message:
        "Select proxies {wildcards.key}"
    shell:
        "python scripts/select_proxies.py --key {wildcards.key} --settings {params.settings:q}"
        " {params.upstream} --out {output:q} --log {log:q}"
