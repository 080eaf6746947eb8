//! Statements of a report about the image that it is about: small facts that rules about images look at.

use base64ct::{Base64, Encoding as _};
use jiff::Timestamp;

use super::field::text;
use super::json::{Json, JsonKind};
use super::{ReadError, Source};
use crate::finding::Text;

/// Most names that are kept: an image that stands in more repositories is none that a rule can speak of.
const MOST_NAMES: usize = 64;

/// Facts of an image. Each can be missing; a rule that needs one then fails.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ImageFacts {
    /// Where it stands: names without tag, each with a manifest digest, `sha256:…`.
    pub names: Vec<(Text, Text)>,
    /// When it was built.
    pub created: Option<Timestamp>,
    /// When its oldest layer was built: the image that it is built on is not older.
    pub oldest_layer: Option<Timestamp>,
    /// The image that it is built on, as its label says.
    pub base_name: Option<Text>,
    /// The manifest digest of that image.
    pub base_digest: Option<Text>,
    /// Its operating system.
    pub os: Option<Text>,
    /// Whether that is still maintained, as far as the scanner looked.
    pub os_maintained: Option<bool>,
}

impl ImageFacts {
    /// Every text of it that comes from the report.
    pub(super) fn texts(&mut self) -> impl Iterator<Item = &mut Text> {
        let Self { names, base_name, base_digest, os, .. } = self;
        let names = names.iter_mut().flat_map(|(name, digest)| [name, digest]);
        names.chain(base_name).chain(base_digest).chain(os)
    }

    /// A name with a digest, such as `registry.example.com/shop/web@sha256:…`.
    pub fn name(&mut self, reference: &str) {
        if let Some((name, digest)) = reference.rsplit_once('@')
            && self.names.len() < MOST_NAMES
        {
            let pair = (Text::line(&repository(name)), Text::line(&digest.to_ascii_lowercase()));
            if !self.names.contains(&pair) {
                self.names.push(pair);
            }
        }
    }

    /// The time when it was built, as its configuration says. What is no time is none.
    pub fn created(&mut self, time: &str) {
        self.created = time.parse().ok();
    }

    /// The time when a layer was built.
    pub fn layer(&mut self, time: &str) {
        if let Ok(at) = time.parse::<Timestamp>() {
            self.oldest_layer = Some(self.oldest_layer.map_or(at, |oldest| oldest.min(at)));
        }
    }

    /// A label of its configuration.
    pub fn label(&mut self, key: &str, value: &str) {
        match key {
            "org.opencontainers.image.base.name" => self.base_name = Some(Text::line(value)),
            "org.opencontainers.image.base.digest" => {
                self.base_digest = Some(Text::line(&value.to_ascii_lowercase()));
            }
            _ => {}
        }
    }
}

/// Reads an image's configuration as the OCI image specification has it. What has another shape is no fact.
pub(super) fn image_config(json: &mut Json, image: &mut ImageFacts) -> Result<(), ReadError> {
    json.object(|json, key| match (key, json.kind()?) {
        ("created", JsonKind::String) => {
            image.created(&text(json)?);
            Ok(())
        }
        ("history", JsonKind::Array) => json.array(|json, _| {
            if json.kind()? != JsonKind::Object {
                return json.skip();
            }
            json.object(|json, key| match (key, json.kind()?) {
                ("created", JsonKind::String) => {
                    image.layer(&text(json)?);
                    Ok(())
                }
                _ => json.skip(),
            })
        }),
        ("config", JsonKind::Object) => json.object(|json, key| match (key, json.kind()?) {
            ("Labels", JsonKind::Object) => labels(json, image),
            _ => json.skip(),
        }),
        _ => json.skip(),
    })
}

/// Reads a configuration that stands in a report as base64; one that cannot be read to its end says nothing.
pub(super) fn packed_config(packed: &str, image: &mut ImageFacts) {
    let Ok(bytes) = Base64::decode_vec(packed) else { return };
    let size = bytes.len() as u64;
    let Ok(input) = Source::Bytes(bytes.into()).open(size) else { return };
    let mut json = Json::new(input);
    let mut read = image.clone();
    if image_config(&mut json, &mut read).and_then(|()| json.end()).is_ok() {
        *image = read;
    }
}

/// Reads labels of an image.
pub(super) fn labels(json: &mut Json, image: &mut ImageFacts) -> Result<(), ReadError> {
    json.object(|json, key| {
        if json.kind()? != JsonKind::String {
            return json.skip();
        }
        let value = text(json)?;
        image.label(key, &value);
        Ok(())
    })
}

/// The repository of an image's name: without tag and digest, Docker's short names written out.
pub fn repository(name: &str) -> String {
    let name = name.split('@').next().unwrap_or_default();
    let path_from = name.rfind('/').map_or(0, |at| at + 1);
    let (before, last) = name.split_at_checked(path_from).unwrap_or(("", name));
    let name = format!("{before}{}", last.split(':').next().unwrap_or_default());
    let registry = name.split_once('/').map(|(registry, _)| registry);
    match registry {
        Some(r) if r.contains(['.', ':']) || r == "localhost" => {
            name.strip_prefix("index.docker.io/").map_or(name.clone(), |rest| format!("docker.io/{rest}"))
        }
        Some(_) => format!("docker.io/{name}"),
        None => format!("docker.io/library/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_tag_and_digest() {
        for (name, repository) in [
            ("registry.invalid:5000/shop/web:1.4@sha256:ab", "registry.invalid:5000/shop/web"),
            ("registry.invalid/web", "registry.invalid/web"),
            ("python:3.11-slim", "docker.io/library/python"),
            ("bitnami/redis", "docker.io/bitnami/redis"),
            ("index.docker.io/library/alpine", "docker.io/library/alpine"),
            ("localhost/web:1", "localhost/web"),
        ] {
            assert_eq!(super::repository(name), repository);
        }
    }

    #[test]
    fn the_oldest_layer_counts() {
        let mut image = ImageFacts::default();
        for time in ["2026-11-20T09:10:00Z", "2026-01-01T00:00:00Z", "then", "2026-02-01T00:00:00Z"] {
            image.layer(time);
        }
        assert_eq!(image.oldest_layer.unwrap().to_string(), "2026-01-01T00:00:00Z");
    }
}
