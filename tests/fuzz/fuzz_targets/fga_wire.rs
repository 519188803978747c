//! Messages of OpenFGA's API from strangers, as protobuf and as JSON: what one form can hold, the other reads back.
#![no_main]

use fga_model::{AuthorizationModel, TupleKey};
use fga_proto::{context_from_wire, from_json, to_json, wire};
use libfuzzer_sys::fuzz_target;
use prost::Message;

fn both<M: Message + Default>(name: &str, bytes: &[u8]) -> Option<M> {
    if let Ok(json) = serde_json::from_slice(bytes) {
        let read: Option<M> = from_json(name, json).ok();
        if let Some(Ok(json)) = read.as_ref().map(|message| to_json(name, message)) {
            from_json::<M>(name, json).expect("written JSON reads back");
        }
        return read;
    }
    M::decode(bytes).ok()
}

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    match kind % 5 {
        0 => {
            let Some(message) = both::<wire::CheckRequest>("CheckRequest", bytes) else { return };
            let _ = message.context.map(context_from_wire);
            let _: Option<Vec<TupleKey>> = message.contextual_tuples.map(Into::into);
        }
        1 => drop(both::<wire::WriteRequest>("WriteRequest", bytes)),
        2 => {
            let name = "AuthorizationModel";
            let _ = both::<wire::AuthorizationModel>(name, bytes).map(AuthorizationModel::try_from);
        }
        3 => drop(both::<wire::ListUsersRequest>("ListUsersRequest", bytes)),
        _ => drop(both::<wire::BatchCheckRequest>("BatchCheckRequest", bytes)),
    }
});
