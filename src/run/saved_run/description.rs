//! What a run says of itself: `run.json` in a folder, or a line of NDJSON.

use std::path::Path;

use anyhow::{Context as _, Result};
use base64ct::{Base64, Encoding as _};
use sha2::{Digest as _, Sha256};

use super::unpack::reader_of;
use super::{MAX_RUN, unreadable};
use crate::finding::{clean_line, hex, is_sha256};
use crate::gather::SavedFile;
use crate::replay::{FileReference, RUN_SCHEMA, RunDescription};
use crate::report::Source;

impl RunDescription {
    /// Reads it, and says what is wrong with it.
    pub(crate) fn parse(text: &[u8]) -> Result<Self> {
        let description: Self =
            serde_json::from_slice(text).map_err(|error| unreadable(clean_line(&error.to_string())))?;
        match &description.schema {
            Some(schema) if schema != RUN_SCHEMA => {
                Err(unreadable(format!("`schema` is {}, and not {RUN_SCHEMA}", clean_line(schema))))
            }
            _ => Ok(description),
        }
    }

    /// Its files: those of `found`, and those that it says something of; `beside` is the folder that paths start in.
    pub(crate) fn files(
        &self,
        mut found: Vec<SavedFile>,
        beside: Option<&Path>,
        store: Option<&Path>,
    ) -> Result<Vec<SavedFile>> {
        for (name, reference) in &self.files {
            let of_file = || format!("file `{}`", clean_line(name));
            inside(name).with_context(of_file)?;
            let known = found.iter_mut().find(|file| file.name == *name);
            let source = reference.source(known.as_ref().map(|file| &file.source), beside, store);
            let (source, entry, format) =
                (source.with_context(of_file)?, reference.entry.clone(), reference.format.clone());
            match known {
                Some(file) => *file = SavedFile { name: name.clone(), source, entry, format },
                None => found.push(SavedFile { name: name.clone(), source, entry, format }),
            }
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }
}

impl FileReference {
    /// The content; `found` is the file of this name where there is one.
    fn source(&self, found: Option<&Source>, beside: Option<&Path>, store: Option<&Path>) -> Result<Source> {
        let source = match (&self.data, &self.path, found, &self.sha256) {
            (Some(_), Some(_), ..) => return Err(unreadable("has both `path` and `data`")),
            (Some(_), ..) | (_, Some(_), ..) if found.is_some() => {
                return Err(unreadable("is in the run already, so it can have neither `path` nor `data`"));
            }
            (Some(data), None, ..) => {
                let bytes = Base64::decode_vec(data).map_err(|_| unreadable("`data` is not base64"))?;
                Source::Bytes(bytes.into())
            }
            (None, Some(path), ..) => {
                let Some(beside) = beside else {
                    return Err(unreadable("has `path`, which files of folders and of lines alone can have"));
                };
                inside(path).with_context(|| format!("`path` {}", clean_line(path)))?;
                Source::File(beside.join(path))
            }
            (None, None, Some(found), _) => found.clone(),
            (None, None, None, Some(sha256)) => stored(sha256, store)?,
            (None, None, None, None) => return Err(unreadable("has none of `path`, `data` and `sha256`")),
        };
        match &self.sha256 {
            Some(sha256) => checked(&source, sha256),
            None => Ok(source),
        }
    }
}

/// The content with this digest, from the store: `HH/HEX`, as it is or packed.
fn stored(sha256: &str, store: Option<&Path>) -> Result<Source> {
    if !is_sha256(sha256) {
        return Err(unreadable("`sha256` is not 64 hexadecimal digits"));
    }
    let Some(store) = store else {
        return Err(unreadable("is named by its digest alone; --store DIR says where the contents lie"));
    };
    let digest = sha256.to_ascii_lowercase();
    let place = store.join(digest.get(..2).unwrap_or_default()).join(&digest);
    for end in ["", ".zst", ".gz"] {
        let mut path = place.clone().into_os_string();
        path.push(end);
        if Path::new(&path).is_file() {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(
                &mut std::io::Read::take(reader_of(Path::new(&path))?, MAX_RUN + 1),
                &mut bytes,
            )
            .map_err(|error| unreadable(format!("{}: {error}", Path::new(&path).display())))?;
            return Ok(Source::Bytes(bytes.into()));
        }
    }
    Err(unreadable(format!("sha256:{digest} is not in the store")))
}

/// The content, which must have this digest.
fn checked(source: &Source, sha256: &str) -> Result<Source> {
    let bytes = source.bytes(MAX_RUN)?;
    if hex(&Sha256::digest(&bytes)) != sha256.to_ascii_lowercase() {
        return Err(unreadable("is not the content that `sha256` names"));
    }
    Ok(Source::Bytes(bytes.into()))
}

/// A name of a file must stay in the run.
pub(super) fn inside(name: &str) -> Result<()> {
    let odd = |part: &str| matches!(part, "" | "." | "..");
    if name.split('/').any(odd) || name.contains('\0') {
        return Err(unreadable("is not a path in a run: it needs to be relative, without `.` and `..`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_read_strictly() {
        let of = |text: &str| RunDescription::parse(text.as_bytes()).map_err(|error| error.to_string());
        assert_eq!(of(r#"{"id":"1","time":"2026-01-01T00:00:00Z"}"#).unwrap().id.as_deref(), Some("1"));
        for (text, why) in [
            (r#"{"tmie":"x"}"#, "unknown field `tmie`"),
            (r#"{"schema":"secgate/run/v2"}"#, "`schema` is secgate/run/v2"),
            (r#"{"id":"1","id":"2"}"#, "duplicate field"),
            (r#"{"files":{"a":{"data":""},"a":{"data":""}}}"#, "`a` stands twice"),
            (r#"{"id":"1"} x"#, "trailing characters"),
        ] {
            let error = of(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn contents_are_what_their_digests_say() {
        let found = || {
            let source = Source::Bytes(b"{}".to_vec().into());
            vec![SavedFile { name: "held.json".to_owned(), source, entry: None, format: None }]
        };
        let files = |text: &str| {
            let description = RunDescription::parse(text.as_bytes()).unwrap();
            description.files(found(), Some(Path::new(".")), None).map_err(|error| format!("{error:#}"))
        };
        let sha256 = hex(&Sha256::digest(b"[]"));
        let good =
            files(&format!(r#"{{"files":{{"a/b.json":{{"data":"W10=","sha256":"{sha256}"}}}}}}"#)).unwrap();
        assert_eq!(good[0].source.bytes(9).unwrap(), b"[]");
        let description = RunDescription::parse(br#"{"files":{"a":{"path":"b"}}}"#).unwrap();
        let of_archive = description.files(Vec::new(), None, None).unwrap_err();
        assert!(format!("{of_archive:#}").contains("folders and of lines alone"), "{of_archive:#}");
        for (file, why) in [
            (
                format!(r#""a":{{"data":"e30=","sha256":"{sha256}"}}"#),
                "file `a`: the run cannot be read: is not the content",
            ),
            (format!(r#""a":{{"sha256":"{sha256}"}}"#), "--store DIR"),
            (r#""a":{"data":"!"}"#.to_owned(), "is not base64"),
            (r#""../a":{"data":""}"#.to_owned(), "not a path in a run"),
            (r#""a":{}"#.to_owned(), "has none of"),
            (r#""a":{"path":"../../b"}"#.to_owned(), "not a path in a run"),
            (r#""a":{"path":"b/../../c"}"#.to_owned(), "not a path in a run"),
            (r#""a":{"path":"/etc/passwd"}"#.to_owned(), "not a path in a run"),
            (r#""held.json":{"data":"W10="}"#.to_owned(), "is in the run already"),
            (r#""held.json":{"path":"b"}"#.to_owned(), "is in the run already"),
        ] {
            let error = files(&format!(r#"{{"files":{{{file}}}}}"#)).unwrap_err();
            assert!(error.contains(why), "{file}: {error}");
        }
    }
}
