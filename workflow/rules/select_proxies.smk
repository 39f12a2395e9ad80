rule select_proxies:
    input:
        ancient(RULES.upstream("select_proxies")),
    output:
        update(f"{STORE}/select_proxies/{{key}}.done"),
    log:
        "logs/select_proxies/{key}.log",
    benchmark:
        "logs/select_proxies/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 2
    resources:
        mem_mb=RULES.memory_mb("select_proxies", base=2500),
        runtime=RULES.minutes(120),
        gpu=RULES.filling_gpus(),
    params:
        command=RULES.command("select_proxies"),
    message:
        "Select proxies {wildcards.key}"
    shell:
        "{params.command}"
