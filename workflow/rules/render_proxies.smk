rule render_proxies:
    output:
        update(f"{STORE}/render_proxies/{{key}}.done"),
    log:
        "logs/render_proxies/{key}.log",
    benchmark:
        "logs/render_proxies/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 2
    resources:
        mem_mb=RULES.memory_mb("render_proxies", base=1000, each=500),
        runtime=240,
        gpu=RULES.render_gpus(),
    params:
        command=RULES.command("render_proxies"),
    message:
        "Render proxies {wildcards.key}"
    shell:
        "{params.command}"
