rule check_teacher:
    input:
        ancient(RULES.upstream("check_teacher")),
    output:
        update(f"{STORE}/check_teacher/{{key}}.done"),
    log:
        "logs/check_teacher/{key}.log",
    benchmark:
        "logs/check_teacher/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 2
    resources:
        mem_mb=RULES.memory_mb("check_teacher", base=6000),
        runtime=RULES.minutes(20),
        gpu=1,
    params:
        command=RULES.command("check_teacher"),
    message:
        "Check the teacher {wildcards.key}"
    shell:
        "{params.command}"
