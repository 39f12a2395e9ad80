rule train_teacher:
    input:
        ancient(RULES.upstream("train_teacher")),
    output:
        f"{STORE}/train_teacher/{{key}}.done",
    log:
        "logs/train_teacher/{key}.log",
    benchmark:
        "logs/train_teacher/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 8
    resources:
        mem_mb=RULES.images_mb("train_teacher", copies=2, base=6000),
        runtime=600,
        gpu=1,
    params:
        settings=RULES.settings("train_teacher"),
        upstream=RULES.arguments("train_teacher"),
    message:
        "Train the teacher {wildcards.key}"
    shell:
        "python scripts/train_teacher.py --key {wildcards.key} --settings {params.settings:q}"
        " {params.upstream} --out {output:q} --log {log:q}"
