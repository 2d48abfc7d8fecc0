"""``python -m tests.unit.formats.java.write``: has Java's own libraries write ``records.json`` anew.

It needs Java 17 and Maven, which brings the libraries. The tests need neither: they read the file.
"""
# ruff: noqa: T201  printing is the job

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

HERE: Final = Path(__file__).parent
AVRO: Final = "1.12.0"
PROTOBUF: Final = "4.28.3"
_POM: Final = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>records-for-tests</artifactId><version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.avro</groupId><artifactId>avro</artifactId><version>{AVRO}</version>
    </dependency>
    <dependency>
      <groupId>com.google.protobuf</groupId><artifactId>protobuf-java</artifactId><version>{PROTOBUF}</version>
    </dependency>
  </dependencies>
</project>
"""
_NAMES: Final = ("avro_schema", "avro_value", "protobuf_file", "protobuf_value")


def main() -> None:
    """Write the file."""
    with TemporaryDirectory() as folder:
        Path(folder, "pom.xml").write_text(_POM)
        copy = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs"]
        subprocess.run(copy, cwd=folder, check=True)
        jars = os.pathsep.join(map(str, sorted(Path(folder, "libs").glob("*.jar"))))
        run = ["java", "-cp", jars, str(HERE / "WriteRecords.java")]
        lines = subprocess.run(run, check=True, capture_output=True, text=True).stdout.split()
    by = {"avro": f"org.apache.avro:avro:{AVRO}", "protobuf": f"com.google.protobuf:protobuf-java:{PROTOBUF}"}
    written = {"written_by": by, **dict(zip(_NAMES, lines, strict=True))}
    (HERE / "records.json").write_text(json.dumps(written, indent=2) + "\n")
    print("written")


if __name__ == "__main__":
    main()
