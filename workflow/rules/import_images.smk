rule import_images:
    input:
        ancient(RULES.upstream("import_images")),
    output:
        update(f"{STORE}/import_images/{{key}}.done"),
    log:
        "logs/import_images/{key}.log",
    benchmark:
        "logs/import_images/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 1
    resources:
        mem_mb=RULES.memory_mb("import_images", base=1000),
        runtime=RULES.minutes(60),
    params:
        command=RULES.command("import_images"),
    message:
        "Import real images {wildcards.key}"
    shell:
        "{params.command}"
