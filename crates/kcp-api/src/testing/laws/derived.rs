//! Laws of hashes, labels and the names made of them.

use sha2::{Digest, Sha224, Sha256};

use super::{Outcome, holds, same};
use crate::testing::Choices;
use crate::testing::names::{bytes, label};
use crate::{ClusterName, IdentityHash, IdentityKey, InitializerName, keys, labels, names};

/// Labels read back as numbers are the hashes that their rules name; keys of labels keep the limit of 63 characters;
/// generated names are valid, and equal input gives equal names.
///
/// # Errors
/// The label or name that breaks its rule.
pub fn derived_names_are_what_their_rules_say(choices: &mut Choices<'_>) -> Outcome {
    let random = bytes(choices);
    let cluster = ClusterName::generate(random);
    same("a generated name", &cluster.as_str().parse().ok().as_ref(), &Some(&cluster))?;
    number_of(cluster.as_str(), 36)?;
    holds(cluster.as_str().len() == 16, || format!("generated {cluster}"))?;

    let export = label(choices);
    let export_label = labels::export_label(&cluster, &export);
    let expected = Sha224::digest(format!("{cluster}:{export}"));
    same("the label of an export", &number_of(&export_label, 62)?, &trimmed(&expected))?;
    let key = labels::claim_label_key(&cluster, &export);
    same("the key of a claim label", &key.strip_prefix(keys::CLAIMED_PREFIX), &Some(export_label.as_str()))?;
    is_label_key(&key)?;

    let (group, resource) = (choices.word(&["", "apps", "a.io"]), label(choices));
    let identity = choices.word(&["", "deadbeef"]);
    let quoted = |name: &str, text: &str| match text {
        "" => String::new(),
        text => format!(r#""{name}":"{text}","#),
    };
    let hash = if identity.is_empty() { String::new() } else { format!(r#","identityHash":"{identity}""#) };
    let json = format!(r#"{{{}"resource":"{resource}","verbs":null{hash}}}"#, quoted("group", group));
    let value = labels::claim_label_value(group, &resource, identity);
    same("the value of a claim label", &number_of(&value, 62)?, &trimmed(&Sha224::digest(json)))?;

    let initializer: InitializerName =
        format!("{cluster}:{}", label(choices)).parse().map_err(|e| format!("{e}"))?;
    let digest = hex(&Sha224::digest(initializer.as_str()));
    for ((key, value), prefix, length) in [
        (labels::initializer_label(&initializer), keys::INITIALIZER_PREFIX, 35),
        (labels::terminator_label(&initializer), keys::TERMINATOR_PREFIX, 36),
    ] {
        same("the value of a life cycle label", &value, &digest)?;
        same("the key of a life cycle label", &key.strip_prefix(prefix), &digest.get(..length))?;
        is_label_key(&key)?;
    }

    let home = ClusterName::home_of(&export);
    let digest = Sha224::digest(&export);
    same("a home cluster", &number_of(home.as_str(), 36)?, &trimmed(digest.get(..8).unwrap_or_default()))?;
    holds((12..=13).contains(&home.as_str().len()), || format!("home {home}"))?;
    same("a shard's hash", &names::shard_hash(&export).len(), &8)?;
    let binding = labels::default_binding_name(&cluster, "root:a", &export);
    holds(binding.len() == export.len() + 6 && binding.starts_with(&export), || {
        format!("binding {binding}")
    })?;

    let key = IdentityKey::from_random(random);
    let hash = key.hash();
    same("an identity", &hash.as_str().to_owned(), &hex(&Sha256::digest(key.secret_data())))?;
    same("an identity read back", &hash.as_str().parse::<IdentityHash>().ok().as_ref(), &Some(&hash))
}

/// What stands behind the slash has at most 63 characters.
fn is_label_key(key: &str) -> Outcome {
    let name = key.split_once('/').map_or("", |(_, name)| name);
    holds((1..=63).contains(&name.len()), || format!("label key {key}"))
}

/// A number in digits `0-9a-zA-Z`, as big-endian bytes without leading zeros.
fn number_of(text: &str, base: u16) -> Result<Vec<u8>, String> {
    let mut number: Vec<u8> = Vec::new();
    for letter in text.bytes() {
        let digit = match letter {
            b'0'..=b'9' => letter - b'0',
            b'a'..=b'z' => letter - b'a' + 10,
            b'A'..=b'Z' => letter - b'A' + 36,
            _ => return Err(format!("{text} is no number")),
        };
        let mut carry = u16::from(digit);
        holds(carry < base, || format!("{text} is no number to the base {base}"))?;
        for byte in number.iter_mut().rev() {
            carry += u16::from(*byte) * base;
            *byte = u8::try_from(carry & 0xff).unwrap_or_default();
            carry >>= 8;
        }
        if carry > 0 {
            number.insert(0, u8::try_from(carry).map_err(|error| error.to_string())?);
        }
    }
    Ok(number)
}

fn trimmed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().skip_while(|byte| *byte == 0).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
