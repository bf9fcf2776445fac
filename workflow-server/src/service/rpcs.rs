//! The generated trait of a service, made of one function for each RPC.

/// Implements a service's trait: each RPC extracts its request, calls its function with the parts
/// that it shares with the others and the request, and turns a refusal into a status. The types of its streams are listed in
/// brackets.
macro_rules! rpcs {
    ($service:ident for $type:ident $([$($stream:ident = $items:ty),+])? {
        $($rpc:ident($request:ty) -> $response:ty = $function:path;)*
    }) => {
        #[tonic::async_trait]
        impl $service for $type {
            $($(type $stream = $items;)+)?

            $(async fn $rpc(
                &self,
                request: tonic::Request<$request>,
            ) -> Result<tonic::Response<$response>, tonic::Status> {
                let asked = aftercall_serving::asked::Asked::new(request)?;
                crate::service::acts::check(&asked)?;
                let shared = self.0.for_caller(&asked.caller);
                let answer = $function(&shared, asked).await?;
                Ok(tonic::Response::new(answer))
            })*
        }
    };
}

pub(crate) use rpcs;
