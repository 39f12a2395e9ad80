rule attack_boundary:
    input:
        ancient(RULES.upstream("attack_boundary")),
    output:
        f"{STORE}/attack_boundary/{{key}}.done",
    log:
        "logs/attack_boundary/{key}.log",
    benchmark:
        "logs/attack_boundary/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 8
    resources:
        mem_mb=RULES.images_mb("attack_boundary", copies=6, base=6000),
        runtime=480,
        gpu=1,
    params:
        settings=RULES.settings("attack_boundary"),
        upstream=RULES.arguments("attack_boundary"),
    message:
        "Attack the decision boundary {wildcards.key}"
    shell:
        "python scripts/attack_boundary.py --key {wildcards.key} --settings {params.settings:q}"
        " {params.upstream} --out {output:q} --log {log:q}"
