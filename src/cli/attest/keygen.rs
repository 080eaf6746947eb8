//! `secgate attest keygen`

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use sha2::{Digest as _, Sha256};

use crate::attest::{Algorithm, PrivateKey};
use crate::exit;
use crate::finding::clean;
use crate::finding::hex;

/// Make a key pair
#[derive(Debug, Args)]
pub(super) struct KeygenArgs {
    /// The kind of key; cosign's keys are p256
    #[arg(long, value_enum, default_value = "ed25519")]
    algorithm: KeyKind,

    /// Name of the two files, PATH.key and PATH.pub; neither is ever overwritten
    #[arg(long, value_name = "PATH", default_value = "secgate")]
    output: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KeyKind {
    Ed25519,
    P256,
}

pub(super) fn run(args: &KeygenArgs) -> Result<u8> {
    if args.output.as_os_str().is_empty() {
        bail!("--output is empty; is a variable of the script unset?");
    }
    let (private, public) = (with(&args.output, "key"), with(&args.output, "pub"));
    for path in [&private, &public] {
        if path.symlink_metadata().is_ok() {
            bail!("{}: is there already; a key is never overwritten", clean(&path.to_string_lossy()));
        }
    }
    let algorithm = match args.algorithm {
        KeyKind::Ed25519 => Algorithm::Ed25519,
        KeyKind::P256 => Algorithm::P256,
    };
    let key = PrivateKey::generate(algorithm)?;
    let pem = key.public().to_pem();
    write(&private, key.to_pem().as_bytes(), 0o600)?;
    if let Err(error) = write(&public, pem.as_bytes(), 0o644) {
        let _ = fs::remove_file(&private);
        return Err(error);
    }
    let name = |path: &Path| clean(&path.to_string_lossy()).into_owned();
    let text = format!(
        "{}: the private key: keep it where only the gate's job can read it, such as a protected CI variable of \
         type file\n{}: the public key, id {}\n\nkeys:\n  gate: {{file: {:?}, sha256: \"{}\"}}\n",
        name(&private),
        name(&public),
        key.public().id(),
        name(&public),
        hex(&Sha256::digest(&pem))
    );
    super::super::print(text.as_bytes())?;
    Ok(exit::PASS)
}

fn with(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let open = || -> io::Result<File> {
        // create_new: of two runs at the same time one fails.
        let mut file = File::options().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).inspect_err(|_| {
            let _ = fs::remove_file(path);
        })?;
        Ok(file)
    };
    open().map(drop).with_context(|| format!("{}: cannot be written", clean(&path.to_string_lossy())))
}
