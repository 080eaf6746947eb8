//! Output of `cosign verify`: the signatures that it verified. They hold no finding and cover
//! nothing. The file itself is not signed: it proves no more than whoever wrote it is trusted.

use super::field::text;
use super::json::{Json, JsonKind};
use super::{Format, Opening, ReadError, Reading};

/// Output of `cosign verify`.
pub(super) static FORMAT: Format = Format {
    id: "cosign-verify",
    title: "output of cosign verify: signatures, no findings",
    tool: "cosign",
    signals: &["an empty list: no report"],
    categories: &[],
    // No signature is nothing that cosign prints.
    empty_array: false,
    looks_like,
    read_report,
    ..Format::PLAIN
};

fn looks_like(opening: &Opening) -> bool {
    opening.first_element().and_then(|first| first.get("critical")).is_some_and(|critical| {
        critical.has_kind("image", JsonKind::Object) || critical.has_kind("identity", JsonKind::Object)
    })
}

fn read_report(json: &mut Json, reading: &mut Reading<'_>) -> Result<(), ReadError> {
    let mut signatures = false;
    json.array(|json, _| {
        signatures = true;
        let mut digest = None;
        json.object(|json, key| match key {
            "critical" => json.object(|json, key| match key {
                "image" => json.object(|json, key| {
                    if key != "docker-manifest-digest" {
                        return json.skip();
                    }
                    digest = Some(text(json)?).filter(|digest| digest.starts_with("sha256:"));
                    Ok(())
                }),
                _ => json.skip(),
            }),
            _ => json.skip(),
        })?;
        match digest {
            Some(digest) => {
                reading.image_digest(&digest);
                Ok(())
            }
            None => Err(json.shape("a signature has `critical.image.docker-manifest-digest`")),
        }
    })?;
    if signatures { Ok(()) } else { Err(json.shape("there is no signature")) }
}

#[cfg(test)]
mod tests {
    use crate::report::testing::{read_as, read_text};

    #[test]
    fn signatures_say_which_image_they_are_about() {
        let read = read_text(
            r#"[{"critical":{"identity":{"docker-reference":"registry.invalid/shop"},
                "image":{"docker-manifest-digest":"sha256:AB"},"type":"cosign container image signature"},"optional":null}]"#,
        );
        assert!(read.error.is_none(), "{:?}", read.error);
        assert_eq!((read.format, read.findings.len()), (Some("cosign-verify"), 0));
        assert!(read.report.categories.is_empty());
        assert_eq!(read.report.digests[0].as_str(), "sha256:ab");
    }

    #[test]
    fn what_names_no_image_is_an_error() {
        for text in [
            "[]",
            "{}",
            "[{}]",
            r#"[{"critical":{"image":{}}}]"#,
            r#"[{"critical":{"image":{"docker-manifest-digest":"x"}}}]"#,
            r#"[{"critical":{"image":{"docker-manifest-digest":"sha256:a"}}},{"optional":{}}]"#,
        ] {
            assert!(read_as("cosign-verify", text).error.is_some(), "{text}");
        }
    }
}
