rule import_teacher:
    output:
        update(f"{STORE}/import_teacher/{{key}}.done"),
    log:
        "logs/import_teacher/{key}.log",
    benchmark:
        "logs/import_teacher/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 1
    resources:
        mem_mb=RULES.memory_mb("import_teacher", base=4000),
        runtime=RULES.minutes(20),
    params:
        command=RULES.command("import_teacher"),
    message:
        "Import the teacher {wildcards.key}"
    shell:
        "{params.command}"
