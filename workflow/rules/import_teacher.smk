rule import_teacher:
    output:
        f"{STORE}/import_teacher/{{key}}.done",
    log:
        "logs/import_teacher/{key}.log",
    benchmark:
        "logs/import_teacher/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 1
    resources:
        mem_mb=RULES.images_mb("import_teacher", copies=0, base=4000),
        runtime=20,
    params:
        settings=RULES.settings("import_teacher"),
    message:
        "Import the teacher {wildcards.key}"
    shell:
        "python scripts/import_teacher.py --key {wildcards.key} --settings {params.settings:q}"
        " --out {output:q} --log {log:q}"
