//! Generates the wire types from the protocol file, without `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = "proto/openfga/v1/openfga_service.proto";
    println!("cargo:rerun-if-changed={file}");
    let descriptors = protox::compile([file], ["proto"])?;
    tonic_prost_build::configure().btree_map(".").compile_fds(descriptors)?;
    Ok(())
}
