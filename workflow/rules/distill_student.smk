rule distill_student:
    input:
        ancient(RULES.upstream("distill_student")),
    output:
        f"{STORE}/distill_student/{{key}}.done",
    log:
        "logs/distill_student/{key}.log",
    benchmark:
        "logs/distill_student/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 8
    resources:
        mem_mb=RULES.images_mb("distill_student", copies=6, base=6000),
        runtime=1440,
        gpu=1,
    params:
        settings=RULES.settings("distill_student"),
        upstream=RULES.arguments("distill_student"),
    message:
        "Distil a student {wildcards.key}"
    shell:
        "python scripts/distill_student.py --key {wildcards.key} --settings {params.settings:q}"
        " {params.upstream} --out {output:q} --log {log:q}"
