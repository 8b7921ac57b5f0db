// What a binding asks of the linked CUDA runtime, without its headers.
#pragma once

namespace steerx {

// Version of the linked runtime, such as 13000.
int cuda_runtime_version();

// Version that the installed driver can run, such as 12040; 0 where there is no driver. Creates no
// context.
int cuda_driver_version();

// Text of a launcher's status.
const char* cuda_error_text(int status);

}  // namespace steerx
