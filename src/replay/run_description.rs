//! What a run says of itself: `run.json` in a folder, or a line of NDJSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use crate::finding::clean_line;

/// The schema of [`RunDescription`].
pub const RUN_SCHEMA: &str = "secgate/run/v1";

/// A run, as its folder's `run.json` or its line says.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunDescription {
    /// `secgate/run/v1`, or nothing.
    #[serde(default)]
    pub schema: Option<String>,
    /// Names it among all runs. A line must have one; of a folder it is the path where there is none.
    #[serde(default)]
    pub id: Option<String>,
    /// The project, such as `shop/payments/api`.
    #[serde(default)]
    pub project: Option<String>,
    /// The team that answers for the project.
    #[serde(default)]
    pub team: Option<String>,
    /// The commit that was looked at, in full.
    #[serde(default)]
    pub commit: Option<String>,
    /// Who made the change: the user name.
    #[serde(default)]
    pub author: Option<String>,
    /// The number of the merge request.
    #[serde(default)]
    pub merge_request: Option<u64>,
    /// The number of the pipeline.
    #[serde(default)]
    pub pipeline: Option<u64>,
    /// The branch or tag.
    #[serde(default, rename = "ref")]
    pub git_ref: Option<String>,
    /// When it ran, RFC 3339: the clock that it is judged by.
    #[serde(default)]
    pub time: Option<String>,
    /// The gate that it was saved for.
    #[serde(default)]
    pub gate: Option<String>,
    /// Values of the policy's parameters.
    #[serde(default, deserialize_with = "without_doubles")]
    pub params: BTreeMap<String, String>,
    /// The artifacts that it is about, each `[SUBJECT=]NAME@sha256:HEX`.
    #[serde(default)]
    pub subjects: Vec<String>,
    /// The project's directory as its scanners saw it.
    #[serde(default)]
    pub root: Option<String>,
    /// Its files by their paths in the run.
    #[serde(default, deserialize_with = "without_doubles")]
    pub files: BTreeMap<String, FileReference>,
}

/// Where the content of a file is: in a file, in the store of contents under its digest, or here.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileReference {
    /// A file, relative to the run's folder or to the folder of the line's file.
    #[serde(default)]
    pub path: Option<String>,
    /// SHA-256 of the content, in hexadecimal: what it must be, and where nothing else says where it is, its name in the
    /// store.
    #[serde(default)]
    pub sha256: Option<String>,
    /// The content in base64.
    #[serde(default)]
    pub data: Option<String>,
    /// The entry of the policy's evidence that it was given for.
    #[serde(default)]
    pub entry: Option<String>,
    /// The format that it was given as.
    #[serde(default)]
    pub format: Option<String>,
}

/// A map in which no key stands twice: of two values nobody can say which is meant.
fn without_doubles<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, V>, D::Error> {
    struct Entries<V>(std::marker::PhantomData<V>);
    impl<'de, V: Deserialize<'de>> Visitor<'de> for Entries<V> {
        type Value = BTreeMap<String, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
            let mut map = BTreeMap::new();
            while let Some((key, value)) = access.next_entry::<String, V>()? {
                if map.contains_key(&key) {
                    return Err(A::Error::custom(format_args!("`{}` stands twice", clean_line(&key))));
                }
                map.insert(key, value);
            }
            Ok(map)
        }
    }
    deserializer.deserialize_map(Entries(std::marker::PhantomData))
}
