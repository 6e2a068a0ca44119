#pragma once

#include <kavi/seal/sshsig.hpp>

#include <span>
#include <stop_token>
#include <string>
#include <string_view>

namespace kavi::secrets {

/// Signs in an operator's name.
class Signer {
  public:
    virtual ~Signer() = default;
    virtual const seal::SshPublicKey& key() const = 0;
    /// An armored SSH signature. Throws errors::credentials_missing where the key can't be used.
    virtual std::string sign(std::string_view name_space, std::string_view message, std::stop_token stop) = 0;
};

/// With a key that is in this process.
class KeySigner final : public Signer {
  public:
    explicit KeySigner(seal::SshPrivateKey key) : key_(std::move(key)) {}

    const seal::SshPublicKey& key() const override { return key_.public_key; }

    std::string sign(std::string_view name_space, std::string_view message, std::stop_token) override {
        return seal::sign_sshsig(key_, name_space, message);
    }

  private:
    seal::SshPrivateKey key_;
};

/// With a key that an SSH agent holds, through `ssh-keygen -Y sign`.
class AgentSigner final : public Signer {
  public:
    AgentSigner(seal::SshPublicKey key, std::string agent_socket)
        : key_(std::move(key)), agent_socket_(std::move(agent_socket)) {}

    const seal::SshPublicKey& key() const override { return key_; }

    std::string sign(std::string_view name_space, std::string_view message, std::stop_token stop) override;

  private:
    seal::SshPublicKey key_;
    std::string agent_socket_;
};

/// The public keys that the agent holds; empty where nobody answers there.
std::vector<seal::SshPublicKey> keys_of_agent(const std::string& agent_socket, std::stop_token stop);

}  // namespace kavi::secrets
