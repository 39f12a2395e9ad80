rule distill_student:
    input:
        ancient(RULES.upstream("distill_student")),
    output:
        update(f"{STORE}/distill_student/{{key}}.done"),
    log:
        "logs/distill_student/{key}.log",
    benchmark:
        "logs/distill_student/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 8
    resources:
        mem_mb=RULES.memory_mb("distill_student", base=8000),
        runtime=1440,
        gpu=1,
    params:
        command=RULES.command("distill_student"),
    message:
        "Distil a student {wildcards.key}"
    shell:
        "{params.command}"
