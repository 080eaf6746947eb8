//! The JSON reader of secgate beside serde_json, on the same bytes: see `benches/json_reader.rs`.
