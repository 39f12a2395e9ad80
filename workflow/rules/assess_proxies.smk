rule assess_proxies:
    input:
        ancient(RULES.upstream("assess_proxies")),
    output:
        update(f"{STORE}/assess_proxies/{{key}}.done"),
    log:
        "logs/assess_proxies/{key}.log",
    benchmark:
        "logs/assess_proxies/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 2
    resources:
        mem_mb=RULES.memory_mb("assess_proxies", base=6000),
        runtime=RULES.minutes(60),
        gpu=1,
    params:
        command=RULES.command("assess_proxies"),
    message:
        "Assess proxies {wildcards.key}"
    shell:
        "{params.command}"
