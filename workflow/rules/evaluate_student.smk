rule evaluate_student:
    input:
        ancient(RULES.upstream("evaluate_student")),
    output:
        f"{STORE}/evaluate_student/{{key}}.done",
    log:
        "logs/evaluate_student/{key}.log",
    benchmark:
        "logs/evaluate_student/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 2
    resources:
        mem_mb=RULES.images_mb("evaluate_student", copies=3, base=6000),
        runtime=60,
        gpu=1,
    params:
        settings=RULES.settings("evaluate_student"),
        upstream=RULES.arguments("evaluate_student"),
    message:
        "Evaluate students {wildcards.key}"
    shell:
        "python scripts/evaluate_student.py --key {wildcards.key} --settings {params.settings:q}"
        " {params.upstream} --out {output:q} --log {log:q}"
