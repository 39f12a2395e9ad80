rule render_proxies:
    output:
        f"{STORE}/render_proxies/{{key}}.done",
    log:
        "logs/render_proxies/{key}.log",
    benchmark:
        "logs/render_proxies/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 2
    resources:
        mem_mb=RULES.images_mb("render_proxies", copies=3, base=2000),
        runtime=240,
    params:
        settings=RULES.settings("render_proxies"),
    message:
        "Render proxies {wildcards.key}"
    shell:
        "python scripts/render_proxies.py --key {wildcards.key} --settings {params.settings:q}"
        " --out {output:q} --log {log:q}"
