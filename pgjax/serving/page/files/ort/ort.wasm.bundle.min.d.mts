// What worker.js uses of onnxruntime-web, whose file pgjax page puts beside this name.
export class Tensor {
  constructor(type: "uint8" | "bool", data: Uint8Array, dims: readonly number[]);
  constructor(type: "int8", data: Int8Array, dims: readonly number[]);
  constructor(type: "float32", data: Float32Array, dims: readonly number[]);
  readonly data: unknown;
  readonly dims: readonly number[];
}

export class InferenceSession {
  static create(model: Uint8Array, options: { executionProviders: string[]; logSeverityLevel: number }): Promise<InferenceSession>;
  readonly inputNames: readonly string[];
  run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>>;
}

export const env: { logLevel: string; wasm: { numThreads: number; wasmPaths: { wasm: URL } } };
