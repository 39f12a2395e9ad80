rule train_teacher:
    input:
        ancient(RULES.upstream("train_teacher")),
    output:
        update(f"{STORE}/train_teacher/{{key}}.done"),
    log:
        "logs/train_teacher/{key}.log",
    benchmark:
        "logs/train_teacher/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 8
    resources:
        mem_mb=RULES.memory_mb("train_teacher", base=8000),
        runtime=600,
        gpu=1,
    params:
        command=RULES.command("train_teacher"),
    message:
        "Train the teacher {wildcards.key}"
    shell:
        "{params.command}"
