rule import_images:
    output:
        f"{STORE}/import_images/{{key}}.done",
    log:
        "logs/import_images/{key}.log",
    benchmark:
        "logs/import_images/{key}.tsv"
    conda:
        "../../envs/proxykd.yaml"
    threads: 1
    resources:
        mem_mb=RULES.images_mb("import_images", copies=3, base=1000),
        runtime=60,
    params:
        settings=RULES.settings("import_images"),
    message:
        "Import real images {wildcards.key}"
    shell:
        "python scripts/import_images.py --key {wildcards.key} --settings {params.settings:q}"
        " --out {output:q} --log {log:q}"
