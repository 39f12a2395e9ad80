rule attack_boundary:
    input:
        ancient(RULES.upstream("attack_boundary")),
    output:
        update(f"{STORE}/attack_boundary/{{key}}.done"),
    log:
        "logs/attack_boundary/{key}.log",
    benchmark:
        "logs/attack_boundary/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 8
    resources:
        mem_mb=RULES.memory_mb("attack_boundary", base=6000),
        runtime=RULES.minutes(480),
        gpu=1,
    params:
        command=RULES.command("attack_boundary"),
    message:
        "Attack the decision boundary {wildcards.key}"
    shell:
        "{params.command}"
