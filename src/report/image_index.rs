//! Indexes of images: which manifests of platforms an image has.
//!
//! OCI image indexes (<https://github.com/opencontainers/image-spec/blob/main/image-index.md>) and Docker's manifest lists
//! (<https://distribution.github.io/distribution/spec/manifest-v2-2/>). An index is named by the SHA-256 of its bytes, so
//! that these prove by themselves which manifests belong to it.

use serde_json::Value;

use super::{ReadError, Source, read_document};
use crate::finding::clean_line;

/// Media types of an index; OCI's may leave it out.
const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
/// Most manifests.
const MOST: usize = 1000;

/// An index of images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageIndex {
    /// Its digest: `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Its images; never empty.
    pub platforms: Vec<PlatformImage>,
}

/// The image of a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformImage {
    /// Such as `linux/arm64/v8`.
    pub platform: String,
    /// The digest of its manifest.
    pub digest: String,
}

/// Reads an index of at most `max` bytes.
pub fn read_image_index(source: &Source, max: u64) -> Result<ImageIndex, ReadError> {
    let (value, sha256, _) = read_document(source, max)?;
    let platforms = platforms(&value).map_err(|message| ReadError::Shape {
        line: 1,
        column: 1,
        path: String::new(),
        message,
    })?;
    Ok(ImageIndex { digest: format!("sha256:{sha256}"), platforms })
}

fn platforms(index: &Value) -> Result<Vec<PlatformImage>, String> {
    let is_index = |media: &Value| media.as_str().is_some_and(|media| INDEXES.contains(&media));
    let media = index.get("mediaType");
    if index.get("schemaVersion").and_then(Value::as_u64) != Some(2) || media.is_some_and(|m| !is_index(m)) {
        return Err("it is no image index and no manifest list".to_owned());
    }
    let Some(manifests) = index.get("manifests").and_then(Value::as_array) else {
        return Err("it has no `manifests`: it is no image index and no manifest list".to_owned());
    };
    if manifests.len() > MOST {
        return Err(format!("it has more than {MOST} manifests"));
    }
    let mut platforms = Vec::new();
    for manifest in manifests {
        let text = |pointer| manifest.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let digest = text("/digest");
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() != 64 || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(format!("`{}` is no digest of a manifest", clean_line(digest)));
        }
        if INDEXES.contains(&text("/mediaType")) {
            return Err(format!("{digest} is an index itself; give that one's images"));
        }
        let parts = [text("/platform/os"), text("/platform/architecture"), text("/platform/variant")];
        let platform = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
        // What BuildKit attaches to an image; no machine runs a platform that is not known.
        let attached = manifest.pointer("/annotations/vnd.docker.reference.type").and_then(Value::as_str);
        if attached == Some("attestation-manifest") && platform == "unknown/unknown" {
            continue;
        }
        let platform = if platform.is_empty() { "no platform".to_owned() } else { platform };
        platforms.push(PlatformImage { platform, digest: digest.to_owned() });
    }
    if platforms.is_empty() { Err("it holds no image".to_owned()) } else { Ok(platforms) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn manifest(digit: &str, os: &str, architecture: &str) -> Value {
        json!({"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 1,
               "digest": format!("sha256:{}", digit.repeat(64)),
               "platform": {"os": os, "architecture": architecture}})
    }

    fn read(index: &Value) -> Result<ImageIndex, String> {
        let text = index.to_string();
        read_image_index(&Source::Bytes(text.as_bytes().into()), 1 << 20).map_err(|error| error.to_string())
    }

    #[test]
    fn what_buildkit_attaches_is_no_image() {
        let mut attached = manifest("c", "unknown", "unknown");
        attached["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
        let mut disguised = manifest("d", "linux", "arm64");
        disguised["annotations"] = attached["annotations"].clone();
        let mut arm = manifest("b", "linux", "arm");
        arm["platform"]["variant"] = "v7".into();
        let index = json!({"schemaVersion": 2, "mediaType": INDEXES[0],
                           "manifests": [manifest("a", "linux", "amd64"), arm, attached, disguised]});
        let read = read(&index).unwrap();
        let platforms: Vec<&str> = read.platforms.iter().map(|one| one.platform.as_str()).collect();
        assert_eq!(platforms, ["linux/amd64", "linux/arm/v7", "linux/arm64"]);
        assert!(read.digest.starts_with("sha256:"));
    }

    #[test]
    fn what_is_no_index_is_an_error() {
        let one = manifest("a", "linux", "amd64");
        let nested = json!({"digest": one["digest"], "mediaType": INDEXES[0]});
        let cases = [
            (json!({}), "no image index"),
            (json!({"schemaVersion": 1, "manifests": [one]}), "no image index"),
            (json!({"schemaVersion": 2, "config": {}, "layers": []}), "no `manifests`"),
            (json!({"schemaVersion": 2, "mediaType": "x", "manifests": [one]}), "no image index"),
            (json!({"schemaVersion": 2, "manifests": []}), "holds no image"),
            (json!({"schemaVersion": 2, "manifests": [{"digest": "sha256:abc"}]}), "no digest"),
            (json!({"schemaVersion": 2, "manifests": [nested]}), "is an index itself"),
        ];
        for (index, why) in cases {
            let error = read(&index).unwrap_err();
            assert!(error.contains(why), "{why}: {error}");
        }
    }
}
