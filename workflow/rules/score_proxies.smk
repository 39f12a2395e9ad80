rule score_proxies:
    input:
        ancient(RULES.upstream("score_proxies")),
    output:
        update(f"{STORE}/score_proxies/{{key}}.done"),
    log:
        "logs/score_proxies/{key}.log",
    benchmark:
        "logs/score_proxies/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 2
    resources:
        mem_mb=RULES.memory_mb("score_proxies", base=6000),
        runtime=RULES.minutes(120),
        gpu=1,
    params:
        command=RULES.command("score_proxies"),
    message:
        "Score proxies {wildcards.key}"
    shell:
        "{params.command}"
