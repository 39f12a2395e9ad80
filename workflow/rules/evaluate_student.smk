rule evaluate_student:
    input:
        ancient(RULES.upstream("evaluate_student")),
    output:
        update(f"{STORE}/evaluate_student/{{key}}.done"),
    log:
        "logs/evaluate_student/{key}.log",
    benchmark:
        "logs/evaluate_student/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 2
    resources:
        mem_mb=RULES.memory_mb("evaluate_student", base=6000),
        runtime=RULES.minutes(60),
        gpu=1,
    params:
        command=RULES.command("evaluate_student"),
    message:
        "Evaluate students {wildcards.key}"
    shell:
        "{params.command}"
