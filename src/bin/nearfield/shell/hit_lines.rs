//! Hits on stdout: a line each, or JSON.

use super::failure::Result;
use super::labels::Labels;
use super::number::Shortest;
use super::scaled::Scaled;
use super::{print, stop};
use crate::args::HitFormat;
use std::io::{BufWriter, IsTerminal, Stdout, Write, stdout};

const BUFFER_BYTES: usize = 64 << 10;

/// What is printed, query by query. Lines that were begun reach stdout at the end of a block of queries, if not before.
pub struct HitLines {
    out: BufWriter<Stdout>,
    form: Form,
    scaled: Scaled,
    buffer: Vec<f32>,
}

/// How a hit is written.
struct Form {
    format: HitFormat,
    labels: Option<Labels>,
    /// The next query's number.
    query: u64,
    /// Whether a hit stands before the next one.
    any: bool,
}

impl HitLines {
    pub fn new(format: HitFormat, labels: Option<Labels>, scaled: Scaled) -> HitLines {
        let out = BufWriter::with_capacity(BUFFER_BYTES, stdout());
        let form = Form { format, labels, query: 0, any: false };
        HitLines { out, form, scaled, buffer: Vec::new() }
    }

    /// Whether whoever reads the lines sees stderr beside them, perhaps.
    pub fn on_terminal(&self) -> bool {
        stdout().is_terminal()
    }

    /// Prints the hits of the next query, unless a signal came.
    pub fn write(&mut self, ids: &[u64], distances: &[f32]) -> Result<()> {
        stop::check()?;
        let distances = self.scaled.given_back(distances, &mut self.buffer)?;
        self.form.write(&mut self.out, ids, distances).map_err(print::refused)
    }

    /// Ends a block of queries: whoever reads has all of it.
    pub fn flush(&mut self) -> Result<()> {
        self.out.flush().map_err(print::refused)
    }

    pub fn finish(mut self) -> Result<()> {
        self.form.end(&mut self.out).map_err(print::refused)?;
        self.flush()
    }
}

impl Form {
    fn write(
        &mut self,
        out: &mut impl Write,
        ids: &[u64],
        distances: &[f32],
    ) -> std::io::Result<()> {
        for (rank, (&id, &distance)) in (1u64..).zip(ids.iter().zip(distances)) {
            let query = self.query;
            let label = self.labels.as_ref().map(|labels| labels.line(id));
            if self.format == HitFormat::Tsv {
                write!(out, "{query}\t{rank}\t{id}\t{}", Shortest(distance))?;
                match label {
                    Some(label) => writeln!(out, "\t{label}")?,
                    None => writeln!(out)?,
                }
                continue;
            }
            if self.format == HitFormat::Json {
                out.write_all(if self.any { b",\n" } else { b"[\n" })?;
            }
            self.any = true;
            let quote = if distance.is_finite() { "" } else { "\"" };
            let distance = Shortest(distance);
            write!(
                out,
                "{{\"query\":{query},\"rank\":{rank},\"id\":{id},\"distance\":{quote}{distance}{quote}"
            )?;
            if let Some(label) = label {
                out.write_all(b",\"label\":")?;
                serde_json::to_writer(&mut *out, label)?;
            }
            out.write_all(if self.format == HitFormat::Json { b"}" } else { b"}\n" })?;
        }
        self.query += 1;
        Ok(())
    }

    fn end(&mut self, out: &mut impl Write) -> std::io::Result<()> {
        match (self.format, self.any) {
            (HitFormat::Json, true) => out.write_all(b"\n]\n"),
            (HitFormat::Json, false) => out.write_all(b"[]\n"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(format: HitFormat, hits: &[(&[u64], &[f32])]) -> String {
        let mut form = Form { format, labels: None, query: 0, any: false };
        let mut out = Vec::new();
        for (ids, distances) in hits {
            form.write(&mut out, ids, distances).unwrap();
        }
        form.end(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn distances_read_back_as_they_were() {
        let distances = [
            0.1f32,
            1.0 / 3.0,
            1e-45,
            16777216.0,
            f32::MAX,
            f32::MIN,
            -0.0,
            f32::MIN_POSITIVE,
            1e16,
        ];
        let ids: Vec<u64> = (0..distances.len() as u64).collect();
        let hits = [(&ids[..], &distances[..])];
        let tsv = printed(HitFormat::Tsv, &hits);
        let read = tsv.lines().map(|line| line.split('\t').nth(3).unwrap().parse::<f32>().unwrap());
        assert_eq!(read.map(f32::to_bits).collect::<Vec<_>>(), distances.map(f32::to_bits));
        assert!(tsv.starts_with("0\t1\t0\t0.1\n0\t2\t1\t0.33333334\n0\t3\t2\t1e-45\n"), "{tsv}");
        let json: serde_json::Value =
            serde_json::from_str(&printed(HitFormat::Json, &hits)).unwrap();
        let lines = printed(HitFormat::Jsonl, &hits);
        for (i, line) in lines.lines().enumerate() {
            assert_eq!(serde_json::from_str::<serde_json::Value>(line).unwrap(), json[i]);
            assert_eq!(json[i]["distance"].as_f64().unwrap() as f32, distances[i]);
        }
    }

    #[test]
    fn infinities_are_words_and_queries_without_hits_have_no_line() {
        let hits: [(&[u64], &[f32]); 3] =
            [(&[], &[]), (&[7, 1 << 62], &[f32::NEG_INFINITY, f32::INFINITY]), (&[3], &[0.5])];
        let big = 1u64 << 62;
        assert_eq!(
            printed(HitFormat::Tsv, &hits),
            format!("1\t1\t7\t-inf\n1\t2\t{big}\tinf\n2\t1\t3\t0.5\n")
        );
        let jsonl = printed(HitFormat::Jsonl, &hits);
        assert!(
            jsonl.starts_with("{\"query\":1,\"rank\":1,\"id\":7,\"distance\":\"-inf\"}\n"),
            "{jsonl}"
        );
        assert_eq!(
            (printed(HitFormat::Json, &hits[..1]), printed(HitFormat::Jsonl, &[])),
            ("[]\n".into(), "".into())
        );
    }

    #[test]
    fn labels_are_the_last_column_and_a_field() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("labels");
        std::fs::write(&file, "zero\none \"1\"\ttab\n").unwrap();
        for (format, expected) in [
            (HitFormat::Tsv, "0\t1\t1\t2.0\tone \"1\"\ttab\n"),
            (
                HitFormat::Jsonl,
                "{\"query\":0,\"rank\":1,\"id\":1,\"distance\":2.0,\"label\":\"one \\\"1\\\"\\ttab\"}\n",
            ),
        ] {
            let labels = Some(Labels::read(&file, 2, true).unwrap());
            let mut form = Form { format, labels, query: 0, any: false };
            let mut out = Vec::new();
            form.write(&mut out, &[1], &[2.0]).unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
