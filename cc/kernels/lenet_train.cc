#include "cc/kernels/lenet_train.h"

#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "cc/kernels/conv_relu_pool.h"
#include "cc/kernels/dense.h"
#include "cc/kernels/softmax_cross_entropy.h"
#include "cc/kernels/thread_pool.h"

// A step has two parallel parts. The first takes the images of the batch in
// chunks and ends with the gradients of all activations and, per chunk, of the
// convolutions' weights. The second takes the parameters in pieces: it forms
// the gradient of a dense piece from the activations of the whole batch and
// applies it at once, so that gradients of dense weights never leave the cache
// and no partial ones have to be added. Chunks and pieces do not depend on the
// number of threads, so nor does the result.

namespace lenet::kernels {
namespace {

// 16 measured no faster on two cores, and 8 give a batch of 32 to four.
constexpr int kChunk = 8;

// Outputs of a dense layer in one piece: several tiles of the kernel, so that
// the activations, too large for the first cache, are read less often.
constexpr int kPiece = 12;

constexpr int kMinSide = 16;
constexpr int kClasses = 10;
constexpr int kDenseLayers = 3;

// Positions in LenetParameters.
constexpr size_t kConv1 = 0;
constexpr size_t kConv2 = 1;
constexpr size_t WeightOf(int layer) {
  return 2 + 2 * static_cast<size_t>(layer);
}
constexpr size_t BiasOf(int layer) { return WeightOf(layer) + 1; }

constexpr size_t Size(int count) { return static_cast<size_t>(count); }

// Aligned memory for the time of a call.
class Arena {
 public:
  // Null, from then on for good, if there is no memory.
  template <typename T>
  T* Take(size_t count) {
    blocks_.push_back(hwy::AllocateAligned<uint8_t>(count * sizeof(T)));
    has_failed_ |= blocks_.back() == nullptr;
    return reinterpret_cast<T*>(blocks_.back().get());
  }
  bool has_failed() const { return has_failed_; }

 private:
  std::vector<hwy::AlignedFreeUniquePtr<uint8_t[]>> blocks_;
  bool has_failed_ = false;
};

// Four at a time, which takes half as long.
void Normalize(size_t size, const uint8_t* pixels, const float* table,
               float* x) {
  size_t i = 0;
  for (; i + 4 <= size; i += 4) {
    const float x0 = table[pixels[i]];
    const float x1 = table[pixels[i + 1]];
    const float x2 = table[pixels[i + 2]];
    const float x3 = table[pixels[i + 3]];
    x[i] = x0;
    x[i + 1] = x1;
    x[i + 2] = x2;
    x[i + 3] = x3;
  }
  for (; i < size; ++i) x[i] = table[pixels[i]];
}

struct DenseLayer {
  int in;
  int out;
  float* x;   // [batch, in]
  float* dy;  // [batch, out]
};

// The second part's unit: outputs of one dense layer.
struct Piece {
  int layer;
  int first;
  int outputs;
};

// What one thread works in.
struct Workspace {
  float* x;       // [chunk, 1, height, width]
  float* pooled;  // [chunk, 6, h, w], of the first convolution
  uint8_t* argmax1;
  uint8_t* argmax2;
  float* d_pooled;
  float* d_features;
  float* conv;
  float* gradients;  // of one piece, weights and then biases
};

class Trainer {
 public:
  Trainer(const TrainBatches& batches, int threads,
          const LenetParameters& parameters, const LenetParameters& moments);

  bool has_failed() const { return arena_.has_failed(); }

  // Does one step, by its number, and returns its loss.
  float Step(int step);

 private:
  void MakeLayers();
  void MakePieces();
  Workspace MakeWorkspace();
  int chunks() const { return (batches_.batch + kChunk - 1) / kChunk; }

  void RunChunk(int chunk);
  void Gather(int first, int images, float* x, int32_t* labels) const;
  void RunDense(int first, int images, const int32_t* labels,
                float* d_features);
  void RunConvolutionGradients(int chunk, int images, const Workspace& work);

  void UpdatePiece(int index);
  void UpdateConvolutions();
  void Update(size_t parameter, size_t offset, size_t size,
              const float* gradients, int parts);

  const TrainBatches& batches_;
  const LenetParameters parameters_;
  const LenetParameters moments_;
  const ConvReluPoolShape conv1_;
  const ConvReluPoolShape conv2_;
  ThreadPool pool_;
  Arena arena_;
  const int32_t* order_ = nullptr;
  Momentum optimizer_ = {};

  std::vector<Workspace> workspaces_;  // one a thread
  std::vector<Piece> pieces_;
  DenseLayer dense_[kDenseLayers];
  float* logits_;  // [batch, 10]
  float* losses_;  // [batch]
  float* packed1_;
  float* packed2_;
  float* d_weights1_;  // [chunks], each like the weights
  float* d_weights2_;
};

Trainer::Trainer(const TrainBatches& batches, int threads,
                 const LenetParameters& parameters,
                 const LenetParameters& moments)
    : batches_(batches),
      parameters_(parameters),
      moments_(moments),
      conv1_{1, batches.height, batches.width, 6},
      conv2_{6, conv1_.out_height(), conv1_.out_width(), 16},
      pool_(threads),
      logits_(arena_.Take<float>(Size(batches.batch) * kClasses)),
      losses_(arena_.Take<float>(Size(batches.batch))),
      packed1_(arena_.Take<float>(PackedConvWeightsSize(conv1_))),
      packed2_(arena_.Take<float>(PackedConvWeightsSize(conv2_))),
      d_weights1_(arena_.Take<float>(Size(chunks()) * conv1_.weight_size())),
      d_weights2_(arena_.Take<float>(Size(chunks()) * conv2_.weight_size())) {
  MakeLayers();
  MakePieces();
  for (int i = 0; i < pool_.threads(); ++i) {
    workspaces_.push_back(MakeWorkspace());
  }
  if (has_failed()) return;
  PackConvWeights(conv1_, parameters_[kConv1], packed1_);
  PackConvWeights(conv2_, parameters_[kConv2], packed2_);
}

void Trainer::MakeLayers() {
  const int sizes[] = {static_cast<int>(conv2_.out_size()), 120, 84, kClasses};
  const size_t batch = Size(batches_.batch);
  for (int i = 0; i < kDenseLayers; ++i) {
    dense_[i] = {sizes[i], sizes[i + 1],
                 arena_.Take<float>(batch * Size(sizes[i])),
                 arena_.Take<float>(batch * Size(sizes[i + 1]))};
  }
}

void Trainer::MakePieces() {
  for (int layer = 0; layer < kDenseLayers; ++layer) {
    const int out = dense_[layer].out;
    for (int first = 0; first < out; first += kPiece) {
      pieces_.push_back({layer, first, std::min(kPiece, out - first)});
    }
  }
}

Workspace Trainer::MakeWorkspace() {
  Workspace work;
  work.x = arena_.Take<float>(kChunk * conv1_.in_size());
  work.pooled = arena_.Take<float>(kChunk * conv1_.out_size());
  work.argmax1 = arena_.Take<uint8_t>(kChunk * conv1_.out_size());
  work.argmax2 = arena_.Take<uint8_t>(kChunk * conv2_.out_size());
  work.d_pooled = arena_.Take<float>(kChunk * conv1_.out_size());
  work.d_features = arena_.Take<float>(kChunk * conv2_.out_size());
  work.conv = arena_.Take<float>(std::max(ConvReluPoolScratchSize(conv1_),
                                          ConvReluPoolScratchSize(conv2_)));
  const int inputs = std::max(dense_[0].in, dense_[1].in);
  work.gradients = arena_.Take<float>(kPiece * Size(inputs + 1));
  return work;
}

float Trainer::Step(int step) {
  order_ = batches_.order + Size(step) * Size(batches_.batch);
  optimizer_ = batches_.optimizers[step];
  pool_.Run(
      chunks(),
      [](void* self, int chunk) {
        static_cast<Trainer*>(self)->RunChunk(chunk);
      },
      this);
  pool_.Run(
      static_cast<int>(pieces_.size()) + 1,
      [](void* self, int piece) {
        static_cast<Trainer*>(self)->UpdatePiece(piece);
      },
      this);
  double sum = 0.0;
  for (int i = 0; i < batches_.batch; ++i) sum += losses_[i];
  return static_cast<float>(sum / batches_.batch);
}

void Trainer::RunChunk(int chunk) {
  const Workspace& work = workspaces_[Size(chunk % pool_.threads())];
  const int first = chunk * kChunk;
  const int images = std::min(kChunk, batches_.batch - first);
  int32_t labels[kChunk];
  Gather(first, images, work.x, labels);
  ConvReluPoolForward(conv1_, packed1_, images, work.x, work.pooled,
                      work.argmax1, work.conv);
  ConvReluPoolForward(conv2_, packed2_, images, work.pooled,
                      dense_[0].x + Size(first) * Size(dense_[0].in),
                      work.argmax2, work.conv);
  RunDense(first, images, labels, work.d_features);
  RunConvolutionGradients(chunk, images, work);
}

void Trainer::Gather(int first, int images, float* x, int32_t* labels) const {
  const size_t size = conv1_.in_size();
  for (int i = 0; i < images; ++i) {
    const size_t index = Size(order_[first + i]);
    labels[i] = batches_.labels[index];
    const uint8_t* const pixels = batches_.images + index * size;
    Normalize(size, pixels, batches_.normalize, x);
    x += size;
  }
}

// Dense layers forward, the loss, and back to the gradient of their input.
void Trainer::RunDense(int first, int images, const int32_t* labels,
                       float* d_features) {
  const auto row = [first](float* rows, int columns) {
    return rows + Size(first) * Size(columns);
  };
  float* const logits = row(logits_, kClasses);
  for (int i = 0; i < kDenseLayers; ++i) {
    const DenseLayer& layer = dense_[i];
    const bool is_last = i + 1 == kDenseLayers;
    DenseForward(layer.in, layer.out, images, row(layer.x, layer.in),
                 parameters_[WeightOf(i)], parameters_[BiasOf(i)], !is_last,
                 is_last ? logits : row(dense_[i + 1].x, layer.out));
  }
  SoftmaxCrossEntropy(kClasses, images, logits, labels,
                      static_cast<float>(batches_.batch), losses_ + first,
                      row(dense_[kDenseLayers - 1].dy, kClasses));
  for (int i = kDenseLayers - 1; i >= 0; --i) {
    const DenseLayer& layer = dense_[i];
    const bool is_first = i == 0;
    DenseBackwardInput(layer.in, layer.out, images, row(layer.dy, layer.out),
                       parameters_[WeightOf(i)],
                       is_first ? nullptr : row(layer.x, layer.in),
                       is_first ? d_features : row(dense_[i - 1].dy, layer.in));
  }
}

void Trainer::RunConvolutionGradients(int chunk, int images,
                                      const Workspace& work) {
  const float* const features =
      dense_[0].x + Size(chunk) * kChunk * Size(dense_[0].in);
  ConvReluPoolBackward(conv2_, parameters_[kConv2], images, work.pooled,
                       features, work.argmax2, work.d_features, work.d_pooled,
                       d_weights2_ + Size(chunk) * conv2_.weight_size(),
                       work.conv);
  ConvReluPoolBackward(conv1_, parameters_[kConv1], images, work.x, work.pooled,
                       work.argmax1, work.d_pooled, nullptr,
                       d_weights1_ + Size(chunk) * conv1_.weight_size(),
                       work.conv);
}

void Trainer::UpdatePiece(int index) {
  if (Size(index) == pieces_.size()) {
    UpdateConvolutions();
    return;
  }
  const Piece& piece = pieces_[Size(index)];
  const DenseLayer& layer = dense_[piece.layer];
  const size_t weights = Size(piece.outputs) * Size(layer.in);
  float* const d_weights = workspaces_[Size(index % pool_.threads())].gradients;
  float* const d_bias = d_weights + weights;
  DenseBackwardWeights(layer.in, piece.outputs, batches_.batch, layer.x,
                       layer.dy + piece.first, layer.out, d_weights, d_bias);
  Update(WeightOf(piece.layer), Size(piece.first) * Size(layer.in), weights,
         d_weights, 1);
  Update(BiasOf(piece.layer), Size(piece.first), Size(piece.outputs), d_bias,
         1);
}

void Trainer::UpdateConvolutions() {
  Update(kConv1, 0, conv1_.weight_size(), d_weights1_, chunks());
  Update(kConv2, 0, conv2_.weight_size(), d_weights2_, chunks());
  PackConvWeights(conv1_, parameters_[kConv1], packed1_);
  PackConvWeights(conv2_, parameters_[kConv2], packed2_);
}

void Trainer::Update(size_t parameter, size_t offset, size_t size,
                     const float* gradients, int parts) {
  MomentumStep(optimizer_, size, gradients, parts,
               parameters_[parameter] + offset, moments_[parameter] + offset);
}

bool AreUsable(const TrainBatches& batches) {
  if (batches.batch < 1 || batches.height < kMinSide ||
      batches.width < kMinSide) {
    return false;
  }
  const size_t size = Size(std::max(batches.steps, 0)) * Size(batches.batch);
  return std::all_of(batches.order, batches.order + size, [&](int32_t index) {
    return index >= 0 && index < batches.count && batches.labels[index] >= 0 &&
           batches.labels[index] < kClasses;
  });
}

}  // namespace

bool TrainLenet(const TrainBatches& batches, int threads,
                const LenetParameters& parameters,
                const LenetParameters& moments, float* losses) {
  if (!AreUsable(batches)) return false;
  Trainer trainer(batches, threads, parameters, moments);
  if (trainer.has_failed()) return false;
  for (int step = 0; step < batches.steps; ++step) {
    losses[step] = trainer.Step(step);
  }
  return true;
}

}  // namespace lenet::kernels
